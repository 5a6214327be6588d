// SPDX-License-Identifier: MPL-2.0
//! Numbers of as many bytes as they need: seven bits in each, lowest first, the top bit tells that
//! more follow.

use crate::number::index;

/// Appends a number of 32 bits, which is what nearly all numbers of an index are.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, value: u32) {
    match value.to_le_bytes() {
        [low, 0, 0, 0] if low < 0x80 => out.push(low),
        _ => put_wide(out, u64::from(value)),
    }
}

/// Appends a number of 64 bits.
pub(crate) fn put_wide(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Folds a signed difference so that small ones of either sign are small numbers.
pub(crate) fn fold(from: u32, to: u32) -> u64 {
    let difference = i64::from(to) - i64::from(from);
    (difference.unsigned_abs() << 1) | u64::from(difference < 0)
}

/// The number that a folded difference leads to.
pub(crate) fn unfold(from: u32, folded: u64) -> Option<u32> {
    let distance = u32::try_from(folded >> 1).ok()?;
    if folded & 1 == 1 {
        from.checked_sub(distance)
    } else {
        from.checked_add(distance)
    }
}

/// Reads what was appended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    #[inline]
    pub(crate) fn wide(&mut self) -> Option<u64> {
        let (first, tail) = self.rest.split_first()?;
        self.rest = tail;
        if *first < 0x80 {
            return Some(u64::from(*first));
        }
        let mut value = u64::from(*first & 0x7f);
        let mut shift = 7;
        loop {
            let (byte, tail) = self.rest.split_first()?;
            self.rest = tail;
            let bits = u64::from(*byte & 0x7f);
            // The tenth byte holds the last bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if *byte < 0x80 {
                return Some(value);
            }
            shift += 7;
            if shift > 63 {
                return None;
            }
        }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> Option<u32> {
        u32::try_from(self.wide()?).ok()
    }

    pub(crate) fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(index(length))?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// So many numbers; nothing when there cannot be that many.
    pub(crate) fn list(&mut self, length: u32) -> Option<Vec<u32>> {
        // Each takes a byte at least: a wrong length must not reserve memory.
        if index(length) > self.rest.len() {
            return None;
        }
        let mut list = Vec::with_capacity(index(length));
        for _ in 0..length {
            list.push(self.next()?);
        }
        Some(list)
    }

    /// So many lengths as the ends that they lead to.
    pub(crate) fn ends(&mut self, length: u32) -> Option<Vec<u32>> {
        let mut list = self.list(length)?;
        let mut end = 0u32;
        for item in &mut list {
            end = end.checked_add(*item)?;
            *item = end;
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [
            0,
            1,
            0x7f,
            0x80,
            0x3fff,
            0x4000,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            put_wide(&mut bytes, value);
            assert_eq!(Cursor::new(&bytes).wide(), Some(value));
            if let Ok(narrow) = u32::try_from(value) {
                let mut same = Vec::new();
                put(&mut same, narrow);
                assert_eq!(same, bytes);
            }
        }
    }

    #[test]
    fn what_is_too_long_or_cut_off_is_no_number() {
        for bytes in [
            &[][..],
            &[0x80],
            &[0xff; 11],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        ] {
            assert_eq!(Cursor::new(bytes).wide(), None, "{bytes:?}");
        }
        assert_eq!(Cursor::new(&[0xff; 5]).list(6), None);
        assert_eq!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]).ends(2),
            None
        );
    }

    #[test]
    fn differences_come_back() {
        for (from, to) in [(0, 0), (5, 3), (3, 5), (0, u32::MAX), (u32::MAX, 0)] {
            assert_eq!(unfold(from, fold(from, to)), Some(to));
        }
        assert_eq!(unfold(0, 3), None);
        assert_eq!(unfold(0, u64::MAX), None);
    }
}
