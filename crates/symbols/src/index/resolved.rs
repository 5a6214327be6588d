// SPDX-License-Identifier: MPL-2.0
//! Symbols of addresses whose pages are in memory.

use std::borrow::Cow;
use std::sync::Arc;

use super::answers::{Answer, Answers, Place};
use super::body::{self, Levels, Rows};
use super::page::{Page, Used};
use super::resolve::{Detail, Pinned};
use super::search::Near;
use super::{Index, symbols::Symbols};
use crate::header::Header;
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

    /// Returns the pages in which the symbols may be.
    pub(crate) fn symbol_pages(&self) -> Vec<u32> {
        let (mut pages, mut near) = (Vec::new(), Near::default());
        for address in self.answers.addresses() {
            self.index.candidates(&mut near, *address, |page, _| {
                if pages.last() != Some(&page) {
                    pages.push(page);
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
            let found = self.locate(&mut near, address);
            let answer = found.and_then(|found| {
                let elsewhere = |page, offset| elsewhere.push((number, page, offset));
                self.answer(&found, address - found.start, &mut answers, elsewhere)
            });
            answers.push(answer);
        }
        self.answers = answers;
        self.elsewhere = elsewhere;
        self.elsewhere.iter().map(|(_, page, _)| *page).collect()
    }

    /// Notes what is in pages of parts, now that they are there.
    pub(crate) fn note_parts(&mut self) {
        for (number, page_number, offset) in std::mem::take(&mut self.elsewhere) {
            let Some(page) = self.pages.get(page_number) else {
                continue;
            };
            let open = self.answers.open();
            if let Some(levels) = Levels::of_part(page.bodies()) {
                note_places(page, &levels, offset, &mut self.answers);
            }
            let mut answer = self.answers.answer_mut(number).copied();
            if let Some(answer) = &mut answer {
                answer.rows_page = page_number;
                self.answers.close(open, answer);
            }
            if let (Some(slot), Some(answer)) = (self.answers.answer_mut(number), answer) {
                *slot = answer;
            }
        }
    }

    /// Returns the pages of the shared names in the answers.
    pub(crate) fn name_pages(&self) -> Vec<u32> {
        let mut pages = Vec::new();
        for place in self.answers.all_places() {
            for text in [place.function, place.file] {
                if let Some(Used::Shared(number)) = text {
                    pages.extend(self.index.names_page(number).map(|(page, _)| page));
                }
            }
        }
        pages
    }

    fn answer(
        &self,
        found: &Found<'_>,
        offset: u64,
        answers: &mut Answers,
        elsewhere: impl FnOnce(u32, u32),
    ) -> Option<Answer> {
        let mut answer = Answer::new(offset, found.number, found.page.name(found.entry)?);
        if self.detail == Detail::Names {
            return Some(answer);
        }
        let Some(body) = found.body() else {
            return Some(answer);
        };
        answer.size = body::size(body).filter(|size| offset < *size);
        let (Some(_), Ok(offset)) = (answer.size, u32::try_from(offset)) else {
            return Some(answer);
        };
        match body::rows(body, offset) {
            Some(Rows::Here(levels)) => {
                let open = answers.open();
                note_places(found.page, &levels, offset, answers);
                answers.close(open, &mut answer);
            }
            Some(Rows::Before(distance)) => {
                if let Some(page) = found.number.checked_sub(distance) {
                    elsewhere(page, offset);
                }
            }
            Some(Rows::None) | None => {}
        }
        Some(answer)
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
    fn text<'a>(&'a self, page: &'a Page, text: Option<Used>) -> Option<Cow<'a, str>> {
        match text? {
            Used::Here(piece) => page.text(piece).map(Cow::Borrowed),
            Used::Shared(number) => self.shared(number).map(Cow::Borrowed),
        }
    }

    fn shared(&self, number: u32) -> Option<&str> {
        let (page, first) = self.index.names_page(number)?;
        let place = u64::from(number).checked_sub(first)?;
        let page = self.pages.get(page)?;
        match page.used(u32::try_from(place).ok()?)? {
            Used::Here(piece) => page.text(piece),
            Used::Shared(_) => None,
        }
    }

    fn name_of(&self, answer: &Answer) -> Option<Cow<'_, str>> {
        let name = self.pages.get(answer.page)?.text(answer.name)?;
        Some(Cow::Borrowed(name))
    }
}

/// Notes where an offset into a function is in the source. The function itself lies at the call of
/// depth 0, each inlined function at the call one level deeper, and the innermost at the line.
fn note_places(page: &Page, levels: &Levels<'_>, offset: u32, answers: &mut Answers) {
    let used = |place| page.used(place);
    let mut function = None;
    for call in levels.calls(offset) {
        answers.place(Place {
            function,
            file: used(call.file),
            line: call.line,
        });
        function = used(call.origin);
    }
    let row = levels.line(offset);
    answers.place(Place {
        function,
        file: row.and_then(|row| used(row.file)),
        line: row.map_or(0, |row| row.line),
    });
}

impl Symbols for Resolved {
    fn lookup(&self, address: u64) -> Option<Symbol<'_>> {
        let answer = self.answers.get(address)?;
        let mut symbol = Symbol {
            function: self.name_of(answer)?,
            function_offset: answer.offset,
            function_size: answer.size,
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        let Some((outermost, inlined)) = self.answers.places(answer).split_first() else {
            return Some(symbol);
        };
        let page = self.pages.get(answer.rows_page)?;
        // A line without its file says nothing.
        let source = |place: &Place| {
            let file = self.text(page, place.file);
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
                    function: self.text(page, place.function),
                    file,
                    line,
                }
            })
            .collect();
        Some(symbol)
    }

    fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)> {
        let answer = self.answers.get(address)?;
        Some((self.name_of(answer)?, answer.offset))
    }

    fn header(&self) -> &Header {
        self.index.header()
    }

    fn memory_bytes(&self) -> usize {
        self.pages.memory_bytes() + self.answers.memory_bytes()
    }
}
