// SPDX-License-Identifier: MPL-2.0
//! The names of `FILE` and `INLINE_ORIGIN` records while an index is built, and the decision which
//! of them are copied into the pages that use them.

use std::collections::HashMap;

use crate::number::{index, narrow, wide};

/// Which of the two kinds of numbered names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Origin,
}

/// What a page holds of a name that it uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Use<'a> {
    /// A copy.
    Copy(&'a str),
    /// Its number among the shared names.
    Shared(u32),
}

/// Numbers below this are positions in a list, as they are in all real files.
const DENSE: u32 = 1 << 22;
/// Copies of one name that are free: most names are used in few places, close to each other.
const FREE_COPIES: u32 = 1;
/// Share of the symbol file that further copies may take up, in percent. Real files stay below it,
/// so that a lookup finds all its names in one page; files without locality do not.
const COPIES_PERCENT: u64 = 10;
/// Names up to this length are always copied: a reference costs as much.
const SHORT: u32 = 8;

#[derive(Debug, Clone, Copy)]
struct Name {
    chunk: u32,
    start: u32,
    length: u32,
    copies: u32,
    shared: u32,
}

const NOT_SHARED: u32 = u32::MAX;
const UNKNOWN: Name = Name {
    chunk: 0,
    start: 0,
    length: 0,
    copies: 0,
    shared: NOT_SHARED,
};

/// Numbered names of one kind.
#[derive(Debug, Default)]
struct Numbered {
    dense: Vec<Name>,
    sparse: HashMap<u32, Name>,
}

impl Numbered {
    fn entry(&mut self, number: u32) -> &mut Name {
        if number >= DENSE {
            return self.sparse.entry(number).or_insert(UNKNOWN);
        }
        let at = index(number);
        if at >= self.dense.len() {
            self.dense.resize(at + 1, UNKNOWN);
        }
        // Just made long enough; the other arm is never reached.
        match self.dense.get_mut(at) {
            Some(name) => name,
            None => self.sparse.entry(number).or_insert(UNKNOWN),
        }
    }

    fn get(&self, number: u32) -> Name {
        let name = if number < DENSE {
            self.dense.get(index(number))
        } else {
            self.sparse.get(&number)
        };
        name.copied().unwrap_or(UNKNOWN)
    }
}

/// Text in pieces that never move: names can be a third of a symbol file, and one piece that grows
/// would for a moment take three times as much.
#[derive(Debug, Default)]
struct Text {
    chunks: Vec<String>,
    bytes: usize,
}

const CHUNK_BYTES: usize = 1 << 20;

impl Text {
    /// Keeps a text; returns its chunk, start and length.
    fn push(&mut self, text: &str) -> (u32, u32, u32) {
        let has_room = |chunk: &String| chunk.capacity() - chunk.len() >= text.len();
        if !self.chunks.last().is_some_and(has_room) {
            let capacity = text.len().max(CHUNK_BYTES);
            self.chunks.push(String::with_capacity(capacity));
            self.bytes += capacity;
        }
        let number = narrow(self.chunks.len() - 1);
        let Some(chunk) = self.chunks.last_mut() else {
            return (0, 0, 0);
        };
        let start = narrow(chunk.len());
        chunk.push_str(text);
        (number, start, narrow(text.len()))
    }

    fn get(&self, name: &Name) -> &str {
        let start = index(name.start);
        let chunk = self.chunks.get(index(name.chunk));
        let text = chunk.and_then(|chunk| chunk.get(start..start + index(name.length)));
        text.unwrap_or_default()
    }
}

/// All names that records refer to by number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: Text,
    files: Numbered,
    origins: Numbered,
    shared: Vec<(Kind, u32)>,
    /// Bytes of copies beyond the free ones.
    copied_bytes: u64,
}

impl Names {
    /// Takes a record. Of equal numbers the first counts.
    pub(crate) fn define(&mut self, kind: Kind, number: u32, name: &[u8]) {
        let entry = numbered(&mut self.files, &mut self.origins, kind).entry(number);
        if entry.length != 0 {
            return;
        }
        let (chunk, start, length) = match str::from_utf8(name) {
            Ok(name) => self.text.push(name),
            Err(_) => self.text.push(&String::from_utf8_lossy(name)),
        };
        (entry.chunk, entry.start, entry.length) = (chunk, start, length);
    }

    /// Decides how the next page that uses the name gets it. A name that has no record yet is
    /// shared: its record may come later.
    pub(crate) fn place(&mut self, kind: Kind, number: u32, file_bytes: u64) -> Use<'_> {
        let entry = numbered(&mut self.files, &mut self.origins, kind).entry(number);
        if entry.shared != NOT_SHARED {
            return Use::Shared(entry.shared);
        }
        if entry.length != 0 {
            let is_free = entry.copies < FREE_COPIES || entry.length <= SHORT;
            let length = u64::from(entry.length);
            if is_free || (self.copied_bytes + length) * 100 <= file_bytes * COPIES_PERCENT {
                if !is_free {
                    self.copied_bytes += length;
                }
                entry.copies = entry.copies.saturating_add(1);
                return Use::Copy(self.text.get(entry));
            }
        }
        entry.shared = narrow(self.shared.len());
        let shared = entry.shared;
        self.shared.push((kind, number));
        Use::Shared(shared)
    }

    /// The shared names in the order of their numbers; an empty one has no record.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &str> {
        self.shared.iter().map(|(kind, number)| {
            let name = match kind {
                Kind::File => self.files.get(*number),
                Kind::Origin => self.origins.get(*number),
            };
            self.text.get(&name)
        })
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        let numbered = |names: &Numbered| names.dense.len() + 2 * names.sparse.len();
        let rows = numbered(&self.files) + numbered(&self.origins);
        wide(
            self.text.bytes
                + rows * size_of::<Name>()
                + self.shared.len() * size_of::<(Kind, u32)>(),
        )
    }
}

fn numbered<'a>(
    files: &'a mut Numbered,
    origins: &'a mut Numbered,
    kind: Kind,
) -> &'a mut Numbered {
    match kind {
        Kind::File => files,
        Kind::Origin => origins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_copied_until_the_copies_take_too_much() {
        let mut names = Names::default();
        names.define(Kind::File, 7, b"a long name.c");
        names.define(Kind::File, 7, b"another");
        for _ in 0..FREE_COPIES {
            assert_eq!(names.place(Kind::File, 7, 0), Use::Copy("a long name.c"));
        }
        let room = 13 * 100 / COPIES_PERCENT + 1;
        assert_eq!(names.place(Kind::File, 7, room), Use::Copy("a long name.c"));
        assert_eq!(names.place(Kind::File, 7, room), Use::Shared(0));
        assert_eq!(
            names.place(Kind::File, 7, u64::from(u32::MAX)),
            Use::Shared(0)
        );
        assert_eq!(names.shared().collect::<Vec<_>>(), ["a long name.c"]);
    }

    #[test]
    fn a_name_may_come_after_its_use_or_never() {
        let mut names = Names::default();
        assert_eq!(names.place(Kind::Origin, 3, 0), Use::Shared(0));
        assert_eq!(names.place(Kind::Origin, u32::MAX, 0), Use::Shared(1));
        names.define(Kind::Origin, 3, b"late \xff");
        assert_eq!(names.place(Kind::Origin, 3, 0), Use::Shared(0));
        assert_eq!(names.shared().collect::<Vec<_>>(), ["late \u{fffd}", ""]);
    }
}
