// SPDX-License-Identifier: MPL-2.0
//! A page of an index: functions or public symbols in the order of their addresses with the names
//! that they use, one part of a very large function, or names that many pages share.
//!
//! ```text
//! numbers          entries, names, shared names, bytes of bodies
//! starts           of each entry, as distance from the one before; the root has the first
//! lengths          of the body of each entry
//! lengths          of the name of each entry
//! lengths          of each name used in bodies; 0: it is shared, or has no record
//! shared names     place among the names as distance from the one before, number
//! bodies           see `body`
//! text             names of the entries, then the names used; packed with LZ4
//! ```
//!
//! Only the text is packed: it is most of a page and shrinks to a tenth. Numbers would shrink by a
//! quarter and take half as long as all of the text, both ways.

use super::pack::{pack, unpack};
use super::rows::PADDING;
use super::varint::{Cursor, put};
use crate::number::{index, narrow};

/// A page, unpacked and known to be well formed but for its bodies.
#[derive(Debug)]
pub(crate) struct Page {
    first: u64,
    starts: Vec<u32>,
    body_ends: Vec<u32>,
    name_ends: Vec<u32>,
    /// Nothing for a name that has no record.
    used: Vec<Option<Used>>,
    bodies: Vec<u8>,
    text: String,
}

/// Where a text is in its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    start: u32,
    end: u32,
}

/// A name that a body refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Used {
    Here(Piece),
    /// Number of a shared name.
    Shared(u32),
}

impl Page {
    /// Reads a page; nothing when it is malformed.
    pub(crate) fn read(bytes: &[u8], first: u64) -> Option<Self> {
        let mut numbers = Cursor::new(bytes);
        let (entries, used) = (numbers.next()?, numbers.next()?);
        let (shared, body_bytes) = (numbers.next()?, numbers.next()?);
        let starts = numbers.ends(entries)?;
        let body_ends = numbers.ends(entries)?;
        let name_ends = numbers.ends(entries)?;
        let used_ends = numbers.ends(used)?;
        let name_bytes = name_ends.last().copied().unwrap_or_default();
        let used_bytes = used_ends.last().copied().unwrap_or_default();
        let text_bytes = name_bytes.checked_add(used_bytes)?;
        let mut used = pieces(name_bytes, &used_ends);
        read_shared(&mut numbers, shared, &mut used)?;
        let bodies = [numbers.take(body_bytes)?, &PADDING].concat();
        // A page with one body and no entry is a part of a function.
        let has_bodies = entries == 0 || body_ends.last() == Some(&body_bytes);
        let text = String::from_utf8(unpack(numbers.rest(), text_bytes)?).ok()?;
        has_bodies.then_some(Self {
            first,
            starts,
            body_ends,
            name_ends,
            used,
            bodies,
            text,
        })
    }

    /// The last entry that starts at or below the address, with its start.
    #[inline]
    pub(crate) fn find(&self, address: u64) -> Option<(usize, u64)> {
        let offset = address.checked_sub(self.first)?;
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let at = self
            .starts
            .partition_point(|start| *start <= offset)
            .checked_sub(1)?;
        let start = self.starts.get(at)?;
        Some((at, self.first.checked_add(u64::from(*start))?))
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Where the name of an entry is.
    #[inline]
    pub(crate) fn name(&self, entry: usize) -> Option<Piece> {
        let (start, end) = span(&self.name_ends, entry)?;
        Some(Piece { start, end })
    }

    #[inline]
    pub(crate) fn text(&self, piece: Piece) -> Option<&str> {
        self.text.get(index(piece.start)..index(piece.end))
    }

    /// The body of an entry and whatever follows it: at least [`PADDING`].
    #[inline]
    pub(crate) fn body(&self, entry: usize) -> Option<&[u8]> {
        let (start, _) = span(&self.body_ends, entry)?;
        self.bodies.get(index(start)..)
    }

    /// All bodies; of a part of a function, the only one.
    pub(crate) fn bodies(&self) -> &[u8] {
        &self.bodies
    }

    pub(crate) fn has_bodies(&self) -> bool {
        self.bodies.len() > PADDING.len()
    }

    /// A name by its place among those that bodies of this page use.
    #[inline]
    pub(crate) fn used(&self, place: u32) -> Option<Used> {
        *self.used.get(index(place))?
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let numbers = self.starts.len() + self.body_ends.len() + self.name_ends.len();
        size_of::<Self>()
            + numbers * size_of::<u32>()
            + self.used.len() * size_of::<Option<Used>>()
            + self.bodies.len()
            + self.text.len()
    }
}

/// Names that lie behind each other in the text, from a position on. The ends were summed up with
/// that position already, so that no sum is too much.
fn pieces(mut start: u32, ends: &[u32]) -> Vec<Option<Used>> {
    let skip = start;
    let piece = |end: &u32| {
        let end = skip.saturating_add(*end);
        let start = std::mem::replace(&mut start, end);
        (start != end).then_some(Used::Here(Piece { start, end }))
    };
    ends.iter().map(piece).collect()
}

fn read_shared(numbers: &mut Cursor<'_>, count: u32, used: &mut [Option<Used>]) -> Option<()> {
    let mut place = 0u32;
    for _ in 0..count {
        place = place.checked_add(numbers.next()?)?;
        *used.get_mut(index(place))? = Some(Used::Shared(numbers.next()?));
    }
    Some(())
}

#[inline]
fn span(ends: &[u32], at: usize) -> Option<(u32, u32)> {
    let end = *ends.get(at)?;
    let before = at.checked_sub(1).and_then(|before| ends.get(before));
    Some((before.copied().unwrap_or_default(), end))
}

/// A page under construction, without the names that its bodies use.
#[derive(Debug, Default)]
pub(crate) struct PageParts {
    pub(crate) first: u64,
    /// Start of the last entry.
    pub(crate) last: u64,
    pub(crate) starts: Vec<u32>,
    pub(crate) body_lengths: Vec<u32>,
    pub(crate) name_lengths: Vec<u32>,
    pub(crate) bodies: Vec<u8>,
    /// Names of the entries, then those that the bodies use.
    pub(crate) text: String,
}

/// The names that the bodies of a page use.
#[derive(Debug, Default)]
pub(crate) struct UsedNames {
    /// Length of each name, 0 for a shared one.
    pub(crate) lengths: Vec<u32>,
    /// Place and number of the shared ones.
    pub(crate) shared: Vec<(u32, u32)>,
}

impl PageParts {
    /// Appends an entry; the body is what was added to `bodies` since the last.
    pub(crate) fn close_entry(&mut self, start: u64, body_start: usize, name: &[u8]) {
        if self.starts.is_empty() {
            self.first = start;
        }
        let offset = u32::try_from(start.saturating_sub(self.first)).unwrap_or(u32::MAX);
        self.last = start;
        self.starts.push(offset);
        self.body_lengths
            .push(narrow(self.bodies.len().saturating_sub(body_start)));
        let before = self.text.len();
        match std::str::from_utf8(name) {
            Ok(name) => self.text.push_str(name),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(name)),
        }
        self.name_lengths.push(narrow(self.text.len() - before));
    }

    /// Takes the last entry back.
    pub(crate) fn drop_entry(&mut self) {
        self.starts.pop();
        let body = index(self.body_lengths.pop().unwrap_or_default());
        self.bodies.truncate(self.bodies.len().saturating_sub(body));
        let name = index(self.name_lengths.pop().unwrap_or_default());
        self.text.truncate(self.text.len().saturating_sub(name));
        self.last = self
            .first
            .saturating_add(u64::from(self.starts.last().copied().unwrap_or_default()));
    }

    /// Tells whether an entry at the address can be in the page: distances have 32 bits.
    pub(crate) fn reaches(&self, start: u64) -> bool {
        self.starts.is_empty() || start.saturating_sub(self.first) < u64::from(u32::MAX)
    }

    /// The bytes of the page, and how many they are unpacked.
    pub(crate) fn write(&self, used: &UsedNames) -> (Vec<u8>, usize) {
        let numbers = 8 * self.starts.len() + 3 * used.lengths.len() + 64;
        let mut out = Vec::with_capacity(self.bodies.len() + numbers + self.text.len());
        self.write_numbers(used, &mut out);
        out.extend_from_slice(&self.bodies);
        let raw_bytes = out.len() + self.text.len();
        pack(self.text.as_bytes(), &mut out);
        (out, raw_bytes)
    }

    fn write_numbers(&self, used: &UsedNames, out: &mut Vec<u8>) {
        put(out, narrow(self.starts.len()));
        put(out, narrow(used.lengths.len()));
        put(out, narrow(used.shared.len()));
        put(out, narrow(self.bodies.len()));
        let mut before = 0;
        for start in &self.starts {
            put(out, start - before);
            before = *start;
        }
        for list in [&self.body_lengths, &self.name_lengths, &used.lengths] {
            list.iter().for_each(|length| put(out, *length));
        }
        let mut before = 0;
        for (place, number) in &used.shared {
            put(out, place - before);
            put(out, *number);
            before = *place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(raw: &[u8]) -> Option<Page> {
        Page::read(raw, 0x1000)
    }

    fn sample() -> Vec<u8> {
        let mut parts = PageParts::default();
        for (start, name, body) in [
            (0x1000, "first", "1"),
            (0x1008, "second", "22"),
            (0x2000, "third", ""),
        ] {
            let before = parts.bodies.len();
            parts.bodies.extend_from_slice(body.as_bytes());
            parts.close_entry(start, before, name.as_bytes());
        }
        parts.close_entry(0x2000, parts.bodies.len(), b"gone");
        parts.drop_entry();
        let used = UsedNames {
            lengths: vec![3, 0, 2],
            shared: vec![(1, 70)],
        };
        parts.text.push_str("a.cin");
        parts.write(&used).0
    }

    #[test]
    fn entries_and_names_come_back() {
        let page = page(&sample()).unwrap();
        assert_eq!(page.find(0xfff), None);
        assert_eq!(page.find(0x1007), Some((0, 0x1000)));
        assert_eq!(page.find(u64::MAX), Some((2, 0x2000)));
        let name = |entry| page.name(entry).and_then(|piece| page.text(piece));
        let body = |entry| {
            page.body(entry)
                .and_then(|body| body.strip_suffix(&PADDING))
        };
        assert_eq!((name(0), body(0)), (Some("first"), Some(&b"122"[..])));
        assert_eq!((name(1), body(1)), (Some("second"), Some(&b"22"[..])));
        assert_eq!((name(2), body(2)), (Some("third"), Some(&b""[..])));
        assert_eq!(name(3), None);
        let used = [0, 1, 2, 3].map(|place| match page.used(place) {
            Some(Used::Here(piece)) => page.text(piece).unwrap_or_default().to_owned(),
            Some(Used::Shared(number)) => format!("shared {number}"),
            None => "none".to_owned(),
        });
        assert_eq!(used, ["a.c", "shared 70", "in", "none"]);
    }

    #[test]
    fn a_page_that_was_cut_or_extended_is_malformed() {
        let raw = sample();
        for length in 0..raw.len() {
            assert!(page(&raw[..length]).is_none(), "{length}");
        }
        assert!(page(&[&raw[..], b"x"].concat()).is_none());
    }
}
