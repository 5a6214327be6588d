// SPDX-License-Identifier: MPL-2.0
//! From addresses to the pages that tell about them, in as few reads as can be.

use std::ops::Range;
use std::sync::Arc;

use super::cache::PageCache;
use super::error::{IndexError, Part};
use super::page::Page;
use super::resolved::Resolved;
use super::source::ReadAt;
use super::{Index, Symbols as _};
use crate::number::{index, narrow, position};

/// How much to find out about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Name and offset of the symbol.
    Names,
    /// And size, source line and inlined functions.
    Full,
}

/// What the next pages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Symbols,
    Parts,
    Names,
    Done,
}

/// Addresses of one module on their way to their symbols. It does not read: it tells which ranges
/// of the index it wants, twice in all but odd files, and takes their bytes.
///
/// ```no_run
/// # use releng_symbols::index::*;
/// # fn read(range: std::ops::Range<u64>) -> Vec<u8> { Vec::new() }
/// # fn example(index: std::sync::Arc<Index>, cache: PageCache) -> Result<(), IndexError> {
/// let mut resolve = Resolve::new(index, &cache, &[0x1234, 0x5678], Detail::Full);
/// while !resolve.wanted().is_empty() {
///     let bytes: Vec<Vec<u8>> = resolve.wanted().iter().cloned().map(read).collect();
///     resolve.supply(&cache, &bytes)?;
/// }
/// let symbols = resolve.finish();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Resolve {
    resolved: Resolved,
    step: Step,
    /// Pages that are not there yet, ascending.
    missing: Vec<u32>,
    wanted: Vec<Range<u64>>,
}

/// Ranges closer to each other than this are read as one: another request costs more than the
/// bytes between.
const GAP_BYTES: u64 = 4 << 10;

impl Resolve {
    /// Starts with addresses in any order. Pages in the cache are used and not read.
    #[must_use]
    pub fn new(index: Arc<Index>, cache: &PageCache, addresses: &[u64], detail: Detail) -> Self {
        let mut resolve = Self {
            resolved: Resolved::new(index, detail, addresses.to_vec()),
            step: Step::Symbols,
            missing: Vec::new(),
            wanted: Vec::new(),
        };
        let pages = resolve.resolved.symbol_pages();
        resolve.want(cache, pages);
        resolve.advance(cache);
        resolve
    }

    /// Returns the ranges to read next, ascending and apart; none when all is there.
    #[must_use]
    pub fn wanted(&self) -> &[Range<u64>] {
        &self.wanted
    }

    /// Returns how much memory this takes once the wanted pages are there, the cache aside.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let page = |number: &u32| self.resolved.index().page(*number);
        let missing = self.missing.iter().filter_map(page);
        let missing: usize = missing.map(|page| index(page.raw_bytes)).sum();
        let wanted = self.wanted.iter().map(|range| range.end - range.start);
        self.resolved.memory_bytes() + missing + position(wanted.sum())
    }

    /// Takes the bytes of the wanted ranges, one item for each and in their order.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when they are not the bytes that were written. The index is to be
    /// thrown away then, and this with it.
    pub fn supply<B: AsRef<[u8]>>(
        &mut self,
        cache: &PageCache,
        bytes: &[B],
    ) -> Result<(), IndexError> {
        let wanted = std::mem::take(&mut self.wanted);
        for (range, bytes) in wanted.iter().zip(bytes) {
            self.take(cache, range, bytes.as_ref())?;
        }
        self.go_on(cache)
    }

    /// Reads the wanted ranges one by one. The buffer is for what is read, and for the next call.
    ///
    /// # Errors
    /// The source fails, or a page is damaged: then the index is to be thrown away. This is of no
    /// use any more either way.
    pub fn supply_from(
        &mut self,
        cache: &PageCache,
        source: &(impl ReadAt + ?Sized),
        buffer: &mut Vec<u8>,
    ) -> Result<(), IndexError> {
        for range in std::mem::take(&mut self.wanted) {
            let bytes = source.read_with(range.clone(), buffer)?;
            self.take(cache, &range, bytes)?;
        }
        self.go_on(cache)
    }

    /// Returns the symbols of the addresses. Call it when nothing is wanted any more: without
    /// their pages addresses have no symbol.
    #[must_use]
    pub fn finish(self) -> Resolved {
        self.resolved
    }

    /// Takes the pages in the bytes of a range.
    fn take(
        &mut self,
        cache: &PageCache,
        range: &Range<u64>,
        bytes: &[u8],
    ) -> Result<(), IndexError> {
        let ends = |number: &u32| {
            let page = self.resolved.index().page(*number);
            page.is_none_or(|page| page.offset < range.end)
        };
        let count = self.missing.partition_point(ends);
        for number in self.missing.drain(..count) {
            let index = self.resolved.index();
            let packed = packed(index, number, range, bytes)
                .ok_or(IndexError::damaged(Part::Page(number)))?;
            let page = Arc::new(index.unpack(number, packed)?);
            cache.insert((index.id(), number), &page);
            self.resolved.pin(number, page);
        }
        Ok(())
    }

    fn go_on(&mut self, cache: &PageCache) -> Result<(), IndexError> {
        if let Some(number) = self.missing.first() {
            return Err(IndexError::damaged(Part::Page(*number)));
        }
        self.advance(cache);
        Ok(())
    }

    /// Goes on as far as the pages at hand allow.
    fn advance(&mut self, cache: &PageCache) {
        self.wanted.clear();
        while self.missing.is_empty() && self.step != Step::Done {
            let (pages, next) = match self.step {
                Step::Symbols => (self.resolved.note_symbols(), Step::Parts),
                Step::Parts => {
                    self.resolved.note_parts();
                    (self.resolved.name_pages(), Step::Names)
                }
                Step::Names | Step::Done => {
                    self.resolved.note_names();
                    (Vec::new(), Step::Done)
                }
            };
            self.want(cache, pages);
            self.step = next;
        }
        self.missing.sort_unstable();
        self.missing.dedup();
        for number in &self.missing {
            if let Some(page) = self.resolved.index().page(*number) {
                add_range(
                    &mut self.wanted,
                    page.offset..page.offset + u64::from(page.packed_bytes),
                );
            }
        }
    }

    fn want(&mut self, cache: &PageCache, mut pages: Vec<u32>) {
        pages.sort_unstable();
        pages.dedup();
        let id = self.resolved.index().id();
        for number in pages {
            if self.resolved.has(number) {
                continue;
            }
            match cache.get((id, number)) {
                Some(page) => self.resolved.pin(number, page),
                None => self.missing.push(number),
            }
        }
    }
}

/// The bytes of a page, in those of a range.
fn packed<'b>(at: &Index, number: u32, range: &Range<u64>, bytes: &'b [u8]) -> Option<&'b [u8]> {
    let page = at.page(number)?;
    let start = position(page.offset.checked_sub(range.start)?);
    bytes.get(start..start + index(page.packed_bytes))
}

fn add_range(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if range.start.saturating_sub(last.end) <= GAP_BYTES => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// Pages by number, as far as they are there.
#[derive(Debug)]
pub(crate) struct Pinned {
    slots: Vec<Option<Arc<Page>>>,
    /// Those of the pages; there are few pages and many slots.
    bytes: usize,
}

impl Pinned {
    pub(crate) fn new(pages: usize) -> Self {
        Self {
            slots: vec![None; pages],
            bytes: 0,
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Page> {
        self.slots.get(index(number))?.as_deref()
    }

    pub(crate) fn set(&mut self, number: u32, page: Arc<Page>) {
        if let Some(slot) = self.slots.get_mut(index(number)) {
            self.bytes += page.memory_bytes();
            let before = slot.replace(page);
            self.bytes -= before.map_or(0, |page| page.memory_bytes());
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.len() * size_of::<Option<Arc<Page>>>() + self.bytes
    }

    pub(crate) fn count(&self) -> u32 {
        narrow(self.slots.iter().flatten().count())
    }
}
