// SPDX-License-Identifier: MPL-2.0
//! The list of an index's pages: where each is, what it holds, and the checksum of its bytes.

use super::error::{IndexError, Part};
use super::varint::{Cursor, put, put_wide};
use crate::header::{CodeInfo, Header, ModuleRecord};
use crate::number::{index, narrow, wide};

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageKind {
    Functions,
    Publics,
    /// A part of a very large function.
    Part,
    /// Names that many pages share.
    Names,
}

/// Pages of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSum {
    /// What they hold.
    pub name: &'static str,
    /// How many there are.
    pub pages: u64,
    /// Their bytes in the index.
    pub packed_bytes: u64,
    /// Their bytes unpacked.
    pub raw_bytes: u64,
}

impl PageKind {
    pub(crate) const ALL: [Self; 4] = [Self::Functions, Self::Publics, Self::Part, Self::Names];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Publics => "public symbols",
            Self::Part => "parts of functions",
            Self::Names => "shared names",
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Functions => 0,
            Self::Publics => 1,
            Self::Part => 2,
            Self::Names => 3,
        }
    }

    fn of_number(number: u32) -> Option<Self> {
        Self::ALL.get(index(number)).copied()
    }
}

/// A page as the root lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageEntry {
    pub(crate) kind: PageKind,
    /// First start, or first number of a shared name.
    pub(crate) first: u64,
    /// Last start, or last number of a shared name.
    pub(crate) last: u64,
    /// Position in the index; follows from the lengths.
    pub(crate) offset: u64,
    pub(crate) packed_bytes: u32,
    pub(crate) raw_bytes: u32,
    pub(crate) checksum: u64,
}

/// How much an index holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// `FUNC` records.
    pub functions: u64,
    /// `PUBLIC` records.
    pub publics: u64,
    /// Ranges with a source line.
    pub lines: u64,
    /// Ranges of inlined calls.
    pub inlines: u64,
}

/// What the root says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) header: Header,
    pub(crate) counts: Counts,
    pub(crate) pages: Vec<PageEntry>,
}

impl Root {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out, &self.header);
        let counts = &self.counts;
        for count in [
            counts.functions,
            counts.publics,
            counts.lines,
            counts.inlines,
        ] {
            put_wide(&mut out, count);
        }
        put(&mut out, narrow(self.pages.len()));
        let pages = || self.pages.iter();
        pages().for_each(|page| put(&mut out, page.kind.number()));
        let mut before = 0;
        for page in pages() {
            // Wraps around where a page starts below the one before, and back when it is read.
            put_wide(&mut out, page.first.wrapping_sub(before));
            before = page.last;
        }
        pages().for_each(|page| put_wide(&mut out, page.last.saturating_sub(page.first)));
        pages().for_each(|page| put(&mut out, page.packed_bytes));
        pages().for_each(|page| put(&mut out, page.raw_bytes));
        pages().for_each(|page| out.extend_from_slice(&page.checksum.to_le_bytes()));
        out
    }

    pub(crate) fn read(raw: &[u8], first_page: u64) -> Result<Self, IndexError> {
        read_root(raw, first_page).ok_or(IndexError::damaged(Part::Root))
    }
}

fn read_root(raw: &[u8], mut offset: u64) -> Option<Root> {
    let mut cursor = Cursor::new(raw);
    let header = read_header(&mut cursor)?;
    let counts = Counts {
        functions: cursor.wide()?,
        publics: cursor.wide()?,
        lines: cursor.wide()?,
        inlines: cursor.wide()?,
    };
    let count = cursor.next()?;
    let kinds = cursor.list(count)?;
    let firsts = wide_list(&mut cursor, count)?;
    let spans = wide_list(&mut cursor, count)?;
    let packed = cursor.list(count)?;
    let sizes = cursor.list(count)?;
    let checksums = cursor.take(count.checked_mul(8)?)?;
    let mut pages = Vec::with_capacity(kinds.len());
    let mut before = 0u64;
    let rows = kinds
        .iter()
        .zip(firsts.iter().zip(&spans))
        .zip(packed.iter().zip(&sizes));
    for (((kind, (first, span)), (packed_bytes, raw_bytes)), checksum) in
        rows.zip(checksums.chunks_exact(8))
    {
        let first = before.wrapping_add(*first);
        before = first.checked_add(*span)?;
        pages.push(PageEntry {
            kind: PageKind::of_number(*kind)?,
            first,
            last: before,
            offset,
            packed_bytes: *packed_bytes,
            raw_bytes: *raw_bytes,
            checksum: u64::from_le_bytes(checksum.try_into().ok()?),
        });
        offset = offset.checked_add(u64::from(*packed_bytes))?;
    }
    cursor.rest().is_empty().then_some(Root {
        header,
        counts,
        pages,
    })
}

fn wide_list(cursor: &mut Cursor<'_>, count: u32) -> Option<Vec<u64>> {
    if wide(cursor.rest().len()) < u64::from(count) {
        return None;
    }
    let mut list = Vec::with_capacity(index(count));
    for _ in 0..count {
        list.push(cursor.wide()?);
    }
    Some(list)
}

/// Fields of the header; an absent record has none, an absent code file is empty.
fn write_header(out: &mut Vec<u8>, header: &Header) {
    let module: Vec<&str> = match &header.module {
        Some(module) => vec![
            &module.os,
            &module.arch,
            &module.debug_id,
            &module.debug_file,
        ],
        None => Vec::new(),
    };
    let code: Vec<&str> = match &header.code {
        Some(code) => vec![&code.code_id, code.code_file.as_deref().unwrap_or_default()],
        None => Vec::new(),
    };
    for fields in [module, code] {
        put(out, narrow(fields.len()));
        for field in fields {
            put(out, narrow(field.len()));
            out.extend_from_slice(field.as_bytes());
        }
    }
}

fn read_header(cursor: &mut Cursor<'_>) -> Option<Header> {
    let module = match read_fields(cursor)?.as_slice() {
        [] => None,
        [os, arch, debug_id, debug_file] => Some(ModuleRecord {
            os: os.clone(),
            arch: arch.clone(),
            debug_id: debug_id.clone(),
            debug_file: debug_file.clone(),
        }),
        _ => return None,
    };
    let code = match read_fields(cursor)?.as_slice() {
        [] => None,
        [code_id, code_file] => Some(CodeInfo {
            code_id: code_id.clone(),
            code_file: Some(code_file.clone()).filter(|file| !file.is_empty()),
        }),
        _ => return None,
    };
    Some(Header { module, code })
}

fn read_fields(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let count = cursor.next()?.min(5);
    let mut fields = Vec::new();
    for _ in 0..count {
        let length = cursor.next()?;
        fields.push(str::from_utf8(cursor.take(length)?).ok()?.to_owned());
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: PageKind, first: u64, last: u64, offset: u64) -> PageEntry {
        PageEntry {
            kind,
            first,
            last,
            offset,
            packed_bytes: 5,
            raw_bytes: 9,
            checksum: first ^ 1,
        }
    }

    #[test]
    fn a_root_comes_back() {
        let code = CodeInfo {
            code_id: "AB".into(),
            code_file: None,
        };
        let root = Root {
            header: Header {
                module: None,
                code: Some(code),
            },
            counts: Counts {
                functions: 1,
                publics: 2,
                lines: u64::MAX,
                inlines: 0,
            },
            pages: vec![
                entry(PageKind::Functions, 0x2000, 0x3000, 16),
                entry(PageKind::Functions, 0x1000, u64::MAX, 21),
                entry(PageKind::Part, 0, 0, 26),
            ],
        };
        let raw = root.write();
        assert_eq!(Root::read(&raw, 16).unwrap(), root);
        for length in 0..raw.len() {
            assert!(Root::read(&raw[..length], 16).is_err(), "{length}");
        }
    }
}
