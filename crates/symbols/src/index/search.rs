// SPDX-License-Identifier: MPL-2.0
//! Which pages can hold the symbol of an address.

use super::root::{PageEntry, PageKind};
use crate::number::{narrow, wide};

/// Pages of one kind in the order of their first starts.
#[derive(Debug, Default)]
pub(crate) struct Run {
    firsts: Vec<u64>,
    lasts: Vec<u64>,
    /// Greatest last start of a page and all before it: in a file that is not in order a page may
    /// reach beyond the first start of the next.
    highest: Vec<u64>,
    pages: Vec<u32>,
}

impl Run {
    pub(crate) fn new(entries: &[PageEntry], kind: PageKind) -> Self {
        let numbered = entries.iter().enumerate();
        let mut pages: Vec<_> = numbered.filter(|(_, page)| page.kind == kind).collect();
        pages.sort_by_key(|(number, page)| (page.first, *number));
        let mut highest = 0;
        let highest = pages.iter().map(|(_, page)| {
            highest = page.last.max(highest);
            highest
        });
        Self {
            highest: highest.collect(),
            firsts: pages.iter().map(|(_, page)| page.first).collect(),
            lasts: pages.iter().map(|(_, page)| page.last).collect(),
            pages: pages.iter().map(|(number, _)| narrow(*number)).collect(),
        }
    }

    /// Number of pages that begin at or below the address, and where the last of them begins. For
    /// the address before it was `count`.
    #[inline]
    fn below(&self, mut count: usize, address: u64) -> (usize, Option<u64>) {
        let first = |at: usize| self.firsts.get(at).copied();
        let is_still = count.checked_sub(1).and_then(first) <= Some(address)
            && first(count).is_none_or(|next| next > address);
        if !is_still {
            count = self.firsts.partition_point(|first| *first <= address);
        }
        (count, count.checked_sub(1).and_then(first))
    }

    /// Of the first pages, those with a start between floor and address.
    #[inline]
    fn visit(&self, count: usize, floor: u64, address: u64, visit: &mut impl FnMut(u32)) {
        let highest = back(&self.highest, count);
        let others = back(&self.lasts, count).zip(back(&self.pages, count));
        for (highest, (last, page)) in highest.zip(others) {
            if (*highest).min(address) < floor {
                return;
            }
            if (*last).min(address) >= floor {
                visit(*page);
            }
        }
    }

    /// The page whose bounds hold a number, of pages that do not overlap, and its first number.
    pub(crate) fn holding(&self, number: u64) -> Option<(u32, u64)> {
        let (count, first) = self.below(0, number);
        let at = count.checked_sub(1)?;
        let is_in = self.lasts.get(at).is_some_and(|last| number <= *last);
        let page = self.pages.get(at).copied();
        page.zip(first).filter(|_| is_in)
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        wide(self.pages.len()) * 28
    }
}

/// The first items from the last to the first. To zip first and turn around then would look for the
/// end of the zipped every time.
fn back<T>(list: &[T], count: usize) -> impl Iterator<Item = &T> {
    list.get(..count).unwrap_or_default().iter().rev()
}

/// Where the search for one address ended; the next one is often in the same pages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Near {
    functions: usize,
    publics: usize,
}

/// Passes on the pages in which the symbol of an address may be.
#[inline]
pub(crate) fn candidates(
    functions: &Run,
    publics: &Run,
    near: &mut Near,
    address: u64,
    mut visit: impl FnMut(u32, bool),
) {
    let (function_pages, function_floor) = functions.below(near.functions, address);
    let (public_pages, public_floor) = publics.below(near.publics, address);
    *near = Near {
        functions: function_pages,
        publics: public_pages,
    };
    // The symbol starts at the greatest first start or above.
    let Some(floor) = function_floor.max(public_floor) else {
        return;
    };
    functions.visit(function_pages, floor, address, &mut |page| {
        visit(page, true)
    });
    publics.visit(public_pages, floor, address, &mut |page| visit(page, false));
}
