// SPDX-License-Identifier: MPL-2.0
//! Symbols of addresses whose pages are in memory.

use std::borrow::Cow;
use std::sync::Arc;

use super::answers::{Answer, Answers, Place, Text};
use super::body::{self, Levels, Rows};
use super::page::{Page, Used};
use super::resolve::{Detail, Pinned};
use super::search::Near;
use super::{Index, symbols::Symbols};
use crate::header::Header;
use crate::number::index;
use crate::table::{Inline, Symbol};

/// The symbols of the addresses that it was made for; of others it knows nothing.
///
/// It holds its pages, whatever happens to the cache.
#[derive(Debug)]
pub struct Resolved {
    index: Arc<Index>,
    pages: Pinned,
    detail: Detail,
    answers: Answers,
    /// Answers whose rows are in a page of their own: number of the answer, page, offset.
    elsewhere: Vec<(usize, u32, u32)>,
}

/// The symbol that an address belongs to.
#[derive(Debug, Clone, Copy)]
struct Found<'a> {
    number: u32,
    page: &'a Page,
    entry: usize,
    start: u64,
    is_function: bool,
}

impl<'a> Found<'a> {
    fn body(&self) -> Option<&'a [u8]> {
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
    pub(crate) fn new(index: Arc<Index>, detail: Detail, addresses: Vec<u64>) -> Self {
        Self {
            pages: Pinned::new(index.page_count()),
            index,
            detail,
            answers: Answers::new(addresses),
            elsewhere: Vec::new(),
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

    pub(crate) fn has(&self, number: u32) -> bool {
        self.pages.get(number).is_some()
    }

    pub(crate) fn pin(&mut self, number: u32, page: Arc<Page>) {
        self.pages.set(number, page);
    }

    /// Returns the pages in which the symbols may be, and the rows of very large functions.
    pub(crate) fn symbol_pages(&self) -> Vec<u32> {
        let (mut pages, mut near) = (Vec::new(), Near::default());
        let mut last = None;
        for address in self.answers.addresses() {
            self.index
                .candidates(&mut near, *address, |page, is_function| {
                    if last.replace(page) != Some(page) {
                        pages.push(page);
                    }
                    if is_function && self.detail == Detail::Full {
                        pages.extend(self.index.part(page, *address));
                    }
                });
        }
        pages
    }

    /// Notes the answers, now that the pages of the symbols are there. Returns the pages in which
    /// the rest of very large functions is.
    pub(crate) fn note_symbols(&mut self) -> Vec<u32> {
        let mut answers = std::mem::take(&mut self.answers);
        let (mut elsewhere, mut near) = (Vec::new(), Near::default());
        for number in 0..answers.addresses().len() {
            let Some(address) = answers.addresses().get(number).copied() else {
                break;
            };
            let mut answer = Answer::none(address);
            if let Some(found) = self.locate(&mut near, address) {
                let elsewhere = |page, offset| elsewhere.push((number, page, offset));
                self.note(&found, address, (&mut answer, &mut answers), elsewhere);
            }
            answers.push(answer);
        }
        self.answers = answers;
        self.elsewhere = elsewhere;
        self.elsewhere.iter().map(|(_, page, _)| *page).collect()
    }

    /// Notes what is in pages of parts, now that they are there.
    pub(crate) fn note_parts(&mut self) {
        let mut answers = std::mem::take(&mut self.answers);
        for (number, page_number, offset) in std::mem::take(&mut self.elsewhere) {
            let Some(page) = self.pages.get(page_number) else {
                continue;
            };
            let Some(levels) = Levels::of_part(page.bodies()) else {
                continue;
            };
            let places = self.note_places((page_number, page), &levels, offset, &mut answers);
            if let Some(answer) = answers.answer_mut(number) {
                answer.places = places;
            }
        }
        self.answers = answers;
    }

    /// Returns the pages of the shared names in the answers.
    pub(crate) fn name_pages(&self) -> Vec<u32> {
        let mut is_known = vec![false; self.index.page_count()];
        let mut pages = Vec::new();
        for text in self.answers.texts() {
            if let Text::Shared(page, _) = text
                && let Some(is_known) = is_known.get_mut(index(*page))
                && !std::mem::replace(is_known, true)
            {
                pages.push(*page);
            }
        }
        pages
    }

    /// Notes where the shared names are, now that their pages are there.
    pub(crate) fn note_names(&mut self) {
        for text in self.answers.texts_mut() {
            if let Text::Shared(page, place) = *text {
                let used = self.pages.get(page).and_then(|page| page.used(place));
                *text = match used {
                    Some(Used::Here(piece)) => Text::In(page, piece),
                    Some(Used::Shared(_)) | None => Text::None,
                };
            }
        }
    }

    /// Notes what is said about an address that belongs to a symbol.
    fn note(
        &self,
        found: &Found<'_>,
        address: u64,
        (answer, answers): (&mut Answer, &mut Answers),
        elsewhere: impl FnOnce(u32, u32),
    ) {
        answer.offset = address - found.start;
        let name = found.page.name(found.entry);
        answer.name = name.map_or(Text::None, |name| Text::In(found.number, name));
        if self.detail == Detail::Names {
            return;
        }
        let Some(body) = found.body() else {
            return;
        };
        let size = body::size(body).unwrap_or_default();
        if answer.offset >= size {
            return;
        }
        answer.size = size;
        let Ok(offset) = u32::try_from(answer.offset) else {
            return;
        };
        match body::rows(body, offset) {
            Some(Rows::Here(levels)) => {
                let page = (found.number, found.page);
                answer.places = self.note_places(page, &levels, offset, answers);
            }
            Some(Rows::Before(distance)) => {
                if let Some(page) = found.number.checked_sub(distance) {
                    elsewhere(page, offset);
                }
            }
            Some(Rows::None) | None => {}
        }
    }

    /// The symbol with the greatest start that is not above the address; nothing as well when a
    /// page that could hold it is not there.
    #[inline]
    fn locate(&self, near: &mut Near, address: u64) -> Option<Found<'_>> {
        let mut best: Option<Found<'_>> = None;
        let mut is_complete = true;
        self.index.candidates(near, address, |number, is_function| {
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

    #[inline]
    fn text(&self, text: Text) -> Option<Cow<'_, str>> {
        match text {
            Text::In(page, piece) => self.pages.get(page)?.text(piece).map(Cow::Borrowed),
            Text::Shared(..) | Text::None => None,
        }
    }

    /// A name by its place among those that the bodies of a page use.
    #[inline]
    fn used(&self, (number, page): (u32, &Page), place: u32) -> Text {
        match page.used(place) {
            Some(Used::Here(piece)) => Text::In(number, piece),
            Some(Used::Shared(name)) => match self.index.names_page(name) {
                Some((page, place)) => Text::Shared(page, place),
                None => Text::None,
            },
            None => Text::None,
        }
    }

    /// Notes where an offset into a function is in the source. The function itself lies at the call
    /// of depth 0, each inlined function at the call one level deeper, and the innermost at the
    /// line. Returns start and end of these places.
    fn note_places(
        &self,
        page: (u32, &Page),
        levels: &Levels<'_>,
        offset: u32,
        answers: &mut Answers,
    ) -> (u32, u32) {
        let start = answers.place_count();
        let mut function = Text::None;
        for call in levels.calls(offset) {
            answers.place(Place {
                function,
                file: self.used(page, call.file),
                line: call.line,
            });
            function = self.used(page, call.origin);
        }
        let row = levels.line(offset);
        answers.place(Place {
            function,
            file: row.map_or(Text::None, |row| self.used(page, row.file)),
            line: row.map_or(0, |row| row.line),
        });
        (start, answers.place_count())
    }
}

impl Symbols for Resolved {
    fn lookup(&self, address: u64) -> Option<Symbol<'_>> {
        let answer = self.answers.get(address)?;
        let mut symbol = Symbol {
            function: self.text(answer.name)?,
            function_offset: answer.offset,
            function_size: Some(answer.size).filter(|size| *size != 0),
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        let Some((outermost, inlined)) = self.answers.places(answer).split_first() else {
            return Some(symbol);
        };
        // A line without its file says nothing.
        let source = |place: &Place| {
            let file = self.text(place.file);
            let line = Some(place.line).filter(|line| *line != 0 && file.is_some());
            (file, line)
        };
        (symbol.file, symbol.line) = source(outermost);
        symbol.inlines = inlined
            .iter()
            .rev()
            .map(|place| {
                let (file, line) = source(place);
                Inline {
                    function: self.text(place.function),
                    file,
                    line,
                }
            })
            .collect();
        Some(symbol)
    }

    fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)> {
        let answer = self.answers.get(address)?;
        Some((self.text(answer.name)?, answer.offset))
    }

    fn header(&self) -> &Header {
        self.index.header()
    }

    fn memory_bytes(&self) -> usize {
        self.pages.memory_bytes() + self.answers.memory_bytes()
    }
}
