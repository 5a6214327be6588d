// SPDX-License-Identifier: MPL-2.0
//! Symbols of addresses whose pages are in memory.

use std::borrow::Cow;
use std::sync::Arc;

use super::body::{self, Levels, Rows};
use super::page::{Name, Page};
use super::resolve::{Detail, Pinned};
use super::rows::Row;
use super::{Index, symbols::Symbols};
use crate::header::Header;
use crate::table::{Place, Symbol, place_function};

/// The symbols of the addresses that it was made for, and perhaps of others in the same pages.
///
/// It holds its pages, whatever happens to the cache.
#[derive(Debug)]
pub struct Resolved {
    index: Arc<Index>,
    pages: Pinned,
    detail: Detail,
}

/// The symbol that an address belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) number: u32,
    pub(crate) page: &'a Page,
    pub(crate) entry: usize,
    pub(crate) start: u64,
    pub(crate) is_function: bool,
}

impl<'a> Found<'a> {
    pub(crate) fn body(&self) -> Option<&'a [u8]> {
        self.page.body(self.entry).filter(|_| self.is_function)
    }

    fn size(&self) -> u64 {
        self.body().and_then(body::size).unwrap_or_default()
    }

    /// Tells whether this one counts rather than the other. Starts decide, and only where they are
    /// equal a function beats a public symbol, the larger function the smaller one, and what comes
    /// first in the file, as the pages do, beats what comes later.
    fn beats(&self, other: &Self) -> bool {
        if self.start != other.start {
            return self.start > other.start;
        }
        let rank = |found: &Self| {
            (
                found.is_function,
                found.size(),
                std::cmp::Reverse(found.number),
            )
        };
        rank(self) > rank(other)
    }
}

impl Resolved {
    pub(crate) fn new(index: Arc<Index>, detail: Detail) -> Self {
        let pages = Pinned::new(index.page_count());
        Self {
            index,
            pages,
            detail,
        }
    }

    /// Returns the number of pages that it holds.
    #[must_use]
    pub fn page_count(&self) -> u32 {
        self.pages.count()
    }

    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    pub(crate) fn detail(&self) -> Detail {
        self.detail
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.pages.get(number).is_some()
    }

    pub(crate) fn pin(&mut self, number: u32, page: Arc<Page>) {
        self.pages.set(number, page);
    }

    /// The symbol with the greatest start that is not above the address; nothing as well when a
    /// page that could hold it is not there.
    #[inline]
    pub(crate) fn locate(&self, address: u64) -> Option<Found<'_>> {
        let mut best: Option<Found<'_>> = None;
        let mut is_complete = true;
        self.index.candidates(address, |number, is_function| {
            let Some(page) = self.pages.get(number) else {
                is_complete = false;
                return;
            };
            if let Some((entry, start)) = page.find(address) {
                let found = Found {
                    number,
                    page,
                    entry,
                    start,
                    is_function,
                };
                if best.as_ref().is_none_or(|best| found.beats(best)) {
                    best = Some(found);
                }
            }
        });
        best.filter(|_| is_complete)
    }

    /// Notes the pages of shared names that a lookup of the address needs.
    pub(crate) fn shared_names(&self, address: u64, pages: &mut Vec<u32>) {
        let Some(found) = self.locate(address) else {
            return;
        };
        let Some((page, levels, offset)) = self.levels(&found, address) else {
            return;
        };
        if !page.has_shared() {
            return;
        }
        let mut note = |place: u32| {
            if let Some(Name::Shared(number)) = page.used(place) {
                pages.extend(self.index.names_page(number).map(|(page, _)| page));
            }
        };
        for call in levels.calls(offset) {
            note(call.file);
            note(call.origin);
        }
        if let Some(line) = levels.line(offset) {
            note(line.file);
        }
    }

    /// Where the rows about an address are, if it lies in its function.
    fn levels<'a>(
        &'a self,
        found: &Found<'a>,
        address: u64,
    ) -> Option<(&'a Page, Levels<'a>, u32)> {
        let offset = address - found.start;
        let body = found.body()?;
        if offset >= body::size(body)? {
            return None;
        }
        let offset = u32::try_from(offset).ok()?;
        match body::rows(body, offset)? {
            Rows::None => None,
            Rows::Here(levels) => Some((found.page, levels, offset)),
            Rows::Before(distance) => {
                let page = self.pages.get(found.number.checked_sub(distance)?)?;
                Some((page, Levels::of_part(page.bodies())?, offset))
            }
        }
    }

    /// Fills in lines and inlines. The function itself lies at the call of depth 0, each inlined
    /// function at the call one level deeper, and the innermost at the line record.
    fn add_source<'a>(&'a self, symbol: &mut Symbol<'a>, found: &Found<'a>, address: u64) {
        let Some((page, levels, offset)) = self.levels(found, address) else {
            return;
        };
        let mut function: Option<Option<Cow<'a, str>>> = None;
        for call in levels.calls(offset) {
            place_function(symbol, function.take(), self.place(page, &call));
            function = Some(self.text(page, call.origin));
        }
        let line = levels.line(offset);
        let place = line.map(|line| self.place(page, &line)).unwrap_or_default();
        place_function(symbol, function, place);
        symbol.inlines.reverse();
    }

    fn place<'a>(&'a self, page: &'a Page, row: &Row) -> Place<'a> {
        let file = self.text(page, row.file);
        let line = Some(row.line).filter(|line| *line != 0 && file.is_some());
        (file, line)
    }

    fn text<'a>(&'a self, page: &'a Page, place: u32) -> Option<Cow<'a, str>> {
        match page.used(place)? {
            Name::Here(text) => Some(Cow::Borrowed(text)),
            Name::Shared(number) => self.shared(number).map(Cow::Borrowed),
        }
    }

    fn shared(&self, number: u32) -> Option<&str> {
        let (page, first) = self.index.names_page(number)?;
        let place = u64::from(number).checked_sub(first)?;
        match self.pages.get(page)?.used(u32::try_from(place).ok()?)? {
            Name::Here(text) => Some(text),
            Name::Shared(_) => None,
        }
    }
}

impl Symbols for Resolved {
    fn lookup(&self, address: u64) -> Option<Symbol<'_>> {
        let found = self.locate(address)?;
        let mut symbol = Symbol {
            function: Cow::Borrowed(found.page.name(found.entry)?),
            function_offset: address - found.start,
            function_size: None,
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        let size = found.size();
        if self.detail == Detail::Full && symbol.function_offset < size {
            symbol.function_size = Some(size);
            self.add_source(&mut symbol, &found, address);
        }
        Some(symbol)
    }

    fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)> {
        let found = self.locate(address)?;
        let name = found.page.name(found.entry)?;
        Some((Cow::Borrowed(name), address - found.start))
    }

    fn header(&self) -> &Header {
        self.index.header()
    }

    fn memory_bytes(&self) -> usize {
        self.pages.memory_bytes()
    }
}
