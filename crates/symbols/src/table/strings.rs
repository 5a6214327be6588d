// SPDX-License-Identifier: MPL-2.0
//! Names in one piece of memory, each kept once.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The number of a name in [`Strings`].
pub(crate) type StringId = u32;

/// The number no name has.
pub(crate) const NO_STRING: StringId = StringId::MAX;

/// Names by number.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    text: String,
    spans: Vec<(u32, u32)>,
}

impl Strings {
    pub(crate) fn get(&self, id: StringId) -> Option<&str> {
        let (start, end) = *self.spans.get(usize::try_from(id).ok()?)?;
        self.text
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.text.len() + self.spans.len() * size_of::<(u32, u32)>()
    }

    fn push(&mut self, name: &str) -> Option<StringId> {
        let id = StringId::try_from(self.spans.len())
            .ok()
            .filter(|id| *id != NO_STRING)?;
        let start = u32::try_from(self.text.len()).ok()?;
        let end = start.checked_add(u32::try_from(name.len()).ok()?)?;
        self.text.push_str(name);
        self.spans.push((start, end));
        Some(id)
    }
}

/// Collects names while a file is parsed.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    strings: Strings,
    /// Hash of a name to its number. Of two names with the same hash the second is not entered:
    /// it is stored again each time it comes, which is wasteful but right.
    known: HashMap<u64, StringId, BuildHasherDefault<AsIs>>,
    /// Randomly keyed, so that no file can be made of names with equal hashes.
    hasher: RandomState,
}

impl Interner {
    /// The number of the name; nothing when the numbers or the memory they reach are used up.
    pub(crate) fn intern(&mut self, name: &[u8]) -> Option<StringId> {
        let name = String::from_utf8_lossy(name);
        let hash = self.hasher.hash_one(name.as_bytes());
        if let Some(id) = self.known.get(&hash)
            && self.strings.get(*id) == Some(&name)
        {
            return Some(*id);
        }
        let id = self.strings.push(&name)?;
        self.known.entry(hash).or_insert(id);
        Some(id)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.strings.memory_bytes() + self.known.len() * size_of::<(u64, StringId)>()
    }

    pub(crate) fn finish(mut self) -> Strings {
        self.strings.text.shrink_to_fit();
        self.strings.spans.shrink_to_fit();
        self.strings
    }
}

/// Passes on a number that is a hash already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Names that records refer to by a number of the file's choice: `FILE` and `INLINE_ORIGIN`.
#[derive(Debug, Default)]
pub(crate) struct NumberedNames {
    entries: Vec<(u32, StringId)>,
}

impl NumberedNames {
    pub(crate) fn add(&mut self, number: u32, name: StringId) {
        self.entries.push((number, name));
    }

    /// Makes the names ready for [`NumberedNames::get`]. Of equal numbers the first counts.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_by_key(|(number, _)| *number);
        self.entries.dedup_by_key(|(number, _)| *number);
    }

    pub(crate) fn get(&self, number: u32) -> Option<StringId> {
        // Numbers usually run from 0 without holes.
        let direct = usize::try_from(number)
            .ok()
            .and_then(|at| self.entries.get(at));
        if let Some((found, name)) = direct
            && *found == number
        {
            return Some(*name);
        }
        let at = self
            .entries
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        self.entries.get(at).map(|(_, name)| *name)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries.len() * size_of::<(u32, StringId)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_kept_once() {
        let mut interner = Interner::default();
        let ids = ["a", "b", "a", ""].map(|name| interner.intern(name.as_bytes()).unwrap());
        assert_eq!(ids, [0, 1, 0, 2]);
        let strings = interner.finish();
        assert_eq!(strings.text, "ab");
        assert_eq!(
            (strings.get(1), strings.get(2), strings.get(3)),
            (Some("b"), Some(""), None)
        );
    }

    #[test]
    fn names_with_equal_hashes_stay_apart() {
        let mut interner = Interner::default();
        let first = interner.intern(b"first").unwrap();
        let hash = interner.hasher.hash_one(&b"second"[..]);
        interner.known.insert(hash, first);
        let second = interner.intern(b"second").unwrap();
        assert_eq!(interner.finish().get(second), Some("second"));
    }

    #[test]
    fn numbers_may_have_holes_and_the_first_name_counts() {
        let mut names = NumberedNames::default();
        for (number, name) in [(7, 70), (0, 10), (7, 71), (u32::MAX, 90)] {
            names.add(number, name);
        }
        names.sort();
        let found = [0, 1, 7, u32::MAX].map(|number| names.get(number));
        assert_eq!(found, [Some(10), None, Some(70), Some(90)]);
    }
}
