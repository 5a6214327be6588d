// SPDX-License-Identifier: MPL-2.0
//! What has to happen in the order of the file: names get their text, pages their names.

use super::block::Parsed;
use super::page::RawPage;
use crate::header::Header;
use crate::index::error::BuildError;
use crate::index::names::{Names, Use};
use crate::index::page::{PageParts, UsedNames};
use crate::index::root::{Counts, PageKind};
use crate::number::{index, narrow, wide};
use crate::parse::record::{Record, parse_line};
use crate::parse::{Limits, ParseError, Unit};

/// A page with its names, ready to be packed.
#[derive(Debug)]
pub(crate) struct FullPage {
    pub(crate) kind: PageKind,
    pub(crate) parts: PageParts,
    pub(crate) used: UsedNames,
    /// First and last number of the shared names in it.
    pub(crate) shared: Option<(u64, u64)>,
}

impl FullPage {
    pub(crate) fn bounds(&self) -> (u64, u64) {
        self.shared.unwrap_or((self.parts.first, self.parts.last))
    }
}

/// Bytes of public symbols that are sorted together; more make several ascending runs.
const PUBLICS_BYTES: usize = 8 << 20;

/// What is known of the file up to the block merged last.
pub(crate) struct Merge {
    limits: Limits,
    page_bytes: usize,
    names: Names,
    publics: Vec<(u64, Box<[u8]>)>,
    publics_bytes: usize,
    pub(crate) header: Header,
    pub(crate) counts: Counts,
    is_symbol_file: bool,
}

impl Merge {
    pub(crate) fn new(limits: Limits, page_bytes: usize) -> Self {
        Self {
            limits,
            page_bytes,
            names: Names::default(),
            publics: Vec::new(),
            publics_bytes: 0,
            header: Header::default(),
            counts: Counts::default(),
            is_symbol_file: false,
        }
    }

    /// Takes the next block, which ends so many bytes into the file; returns its pages.
    pub(crate) fn block(
        &mut self,
        text: &[u8],
        parsed: Parsed,
        file_bytes: u64,
    ) -> Result<Vec<FullPage>, ParseError> {
        for (kind, number, name) in &parsed.names {
            self.names
                .define(*kind, *number, text.get(name.clone()).unwrap_or_default());
        }
        for head in &parsed.heads {
            match parse_line(text.get(head.clone()).unwrap_or_default()) {
                Record::Module(text) => self.header.note_module(text),
                Record::Info(text) => self.header.note_info(text),
                _ => {}
            }
        }
        self.is_symbol_file |= parsed.is_symbol_file;
        self.count(parsed.counts);
        for (start, name) in &parsed.publics {
            let name: Box<[u8]> = text.get(name.clone()).unwrap_or_default().into();
            self.publics_bytes += name.len() + size_of::<(u64, Box<[u8]>)>();
            self.publics.push((*start, name));
        }
        let pages = parsed.pages.into_iter();
        let mut pages: Vec<_> = pages.map(|page| self.named(page, file_bytes)).collect();
        if self.publics_bytes > PUBLICS_BYTES {
            self.flush_publics(&mut pages);
        }
        self.check()?;
        Ok(pages)
    }

    /// Ends the file; passes on the pages that are still missing, one by one: shared names are
    /// many where there are many names, and those are in memory already.
    pub(crate) fn finish(
        &mut self,
        mut write: impl FnMut(FullPage) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        if !self.is_symbol_file {
            return Err(ParseError::Corrupt.into());
        }
        let mut pages = Vec::new();
        self.flush_publics(&mut pages);
        pages.into_iter().try_for_each(&mut write)?;
        self.shared_names(write)
    }

    fn named(&mut self, page: RawPage, file_bytes: u64) -> FullPage {
        let mut parts = page.parts;
        let mut used = UsedNames::default();
        used.lengths.reserve(page.used.len());
        for (place, (kind, number)) in page.used.into_iter().enumerate() {
            match self.names.place(kind, number, file_bytes) {
                Use::Copy(name) => {
                    used.lengths.push(narrow(name.len()));
                    parts.text.push_str(name);
                }
                Use::Shared(number) => {
                    used.lengths.push(0);
                    used.shared.push((narrow(place), number));
                }
            }
        }
        FullPage {
            kind: page.kind,
            parts,
            used,
            shared: None,
        }
    }

    /// Of equal starts the first public symbol counts.
    fn flush_publics(&mut self, pages: &mut Vec<FullPage>) {
        let mut publics = std::mem::take(&mut self.publics);
        self.publics_bytes = 0;
        publics.sort_by_key(|(start, _)| *start);
        publics.dedup_by_key(|(start, _)| *start);
        let mut parts = PageParts::default();
        for (start, name) in publics {
            if parts.text.len() + 4 * parts.starts.len() >= self.page_bytes || !parts.reaches(start)
            {
                pages.push(publics_page(std::mem::take(&mut parts)));
            }
            parts.close_entry(start, 0, &name);
        }
        if !parts.starts.is_empty() {
            pages.push(publics_page(parts));
        }
    }

    fn shared_names(
        &self,
        mut write: impl FnMut(FullPage) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let mut page = names_page();
        let (mut first, mut next) = (0, 0u64);
        for name in self.names.shared() {
            page.used.lengths.push(narrow(name.len()));
            page.parts.text.push_str(name);
            page.shared = Some((first, next));
            next += 1;
            if page.parts.text.len() + page.used.lengths.len() >= self.page_bytes / 2 {
                write(std::mem::replace(&mut page, names_page()))?;
                first = next;
            }
        }
        if first < next {
            write(page)?;
        }
        Ok(())
    }

    fn count(&mut self, counts: Counts) {
        self.counts.functions += counts.functions;
        self.counts.publics += counts.publics;
        self.counts.lines += counts.lines;
        self.counts.inlines += counts.inlines;
    }

    fn check(&self) -> Result<(), ParseError> {
        let limit = wide(self.limits.symbols);
        if self.counts.functions + self.counts.publics > limit {
            return Err(ParseError::TooLarge {
                unit: Unit::Symbols,
                limit,
            });
        }
        let limit = wide(self.limits.table_bytes.min(index(u32::MAX)));
        if self.names.memory_bytes() > limit {
            return Err(ParseError::TooLarge {
                unit: Unit::TableBytes,
                limit,
            });
        }
        Ok(())
    }
}

fn publics_page(parts: PageParts) -> FullPage {
    FullPage {
        kind: PageKind::Publics,
        parts,
        used: UsedNames::default(),
        shared: None,
    }
}

fn names_page() -> FullPage {
    FullPage {
        kind: PageKind::Names,
        parts: PageParts::default(),
        used: UsedNames::default(),
        shared: None,
    }
}
