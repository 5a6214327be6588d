// SPDX-License-Identifier: MPL-2.0
//! What an index says about each of some addresses, noted once while its pages are at hand.
//!
//! Addresses are gone through in their order, so that the bytes of a page are read while they are
//! in the cache of the processor; texts stay in their pages until somebody asks for them.

use std::ops::Range;

use super::page::{Piece, Used};
use crate::number::{index, narrow, position};

/// A text of a page, or one that pages share.
pub(crate) type Text = Option<Used>;

/// What is said about an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// Distance from the start of the symbol.
    pub(crate) offset: u64,
    /// Size of the function, if the address lies within it.
    pub(crate) size: Option<u64>,
    /// Page of the symbol, and where its name is in there.
    pub(crate) page: u32,
    pub(crate) name: Piece,
    /// Page of the rows.
    pub(crate) rows_page: u32,
    places: u32,
    count: u32,
}

/// A place in the source text, and the inlined function that it is in; the outermost place is in
/// the function itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) function: Text,
    pub(crate) file: Text,
    pub(crate) line: u32,
}

/// Answers by address.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Ascending, each once.
    addresses: Vec<u64>,
    buckets: Buckets,
    /// One for each address.
    answers: Vec<Option<Answer>>,
    places: Vec<Place>,
}

/// About as many equal parts of a range as there are addresses in it, so that most have one or two:
/// a search through all addresses would wait for memory at nearly every step.
#[derive(Debug, Default)]
struct Buckets {
    first: u64,
    shift: u32,
    /// How many addresses lie below the end of each part.
    ends: Vec<u32>,
}

impl Buckets {
    fn new(addresses: &[u64]) -> Self {
        let (Some(first), Some(last)) = (addresses.first(), addresses.last()) else {
            return Self::default();
        };
        let parts = addresses.len().next_power_of_two().trailing_zeros();
        let shift = (u64::BITS - (last - first).leading_zeros()).saturating_sub(parts);
        let mut ends = Vec::with_capacity(2 * addresses.len());
        for (number, address) in addresses.iter().enumerate() {
            let part = position((address - first) >> shift);
            while ends.len() < part {
                ends.push(narrow(number));
            }
        }
        ends.push(narrow(addresses.len()));
        Self {
            first: *first,
            shift,
            ends,
        }
    }

    /// Where the address is, if it is one of them.
    #[inline]
    fn of(&self, address: u64) -> Option<Range<usize>> {
        let part = position(address.checked_sub(self.first)? >> self.shift);
        let end = index(*self.ends.get(part)?);
        let before = part.checked_sub(1).and_then(|part| self.ends.get(part));
        Some(before.map_or(0, |start| index(*start))..end)
    }
}

impl Answer {
    /// An answer without places.
    pub(crate) fn new(offset: u64, page: u32, name: Piece) -> Self {
        Self {
            offset,
            size: None,
            page,
            name,
            rows_page: page,
            places: 0,
            count: 0,
        }
    }
}

impl Answers {
    pub(crate) fn new(mut addresses: Vec<u64>) -> Self {
        addresses.sort_unstable();
        addresses.dedup();
        Self {
            answers: Vec::with_capacity(addresses.len()),
            buckets: Buckets::new(&addresses),
            addresses,
            places: Vec::new(),
        }
    }

    pub(crate) fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Notes the answer for the next address.
    pub(crate) fn push(&mut self, answer: Option<Answer>) {
        self.answers.push(answer);
    }

    /// Begins a list of places; [`close`](Self::close) gives it to an answer.
    pub(crate) fn open(&self) -> u32 {
        narrow(self.places.len())
    }

    pub(crate) fn place(&mut self, place: Place) {
        self.places.push(place);
    }

    /// Gives the places since `open` to an answer.
    pub(crate) fn close(&self, open: u32, answer: &mut Answer) {
        answer.places = open;
        answer.count = narrow(self.places.len()).saturating_sub(open);
    }

    pub(crate) fn answer_mut(&mut self, number: usize) -> Option<&mut Answer> {
        self.answers.get_mut(number)?.as_mut()
    }

    #[inline]
    pub(crate) fn get(&self, address: u64) -> Option<&Answer> {
        let bucket = self.buckets.of(address)?;
        let near = self.addresses.get(bucket.clone())?;
        let at = near.binary_search(&address).ok()?;
        self.answers.get(bucket.start + at)?.as_ref()
    }

    /// Places of an answer, the outermost first.
    #[inline]
    pub(crate) fn places(&self, answer: &Answer) -> &[Place] {
        let start = index(answer.places);
        self.places
            .get(start..start + index(answer.count))
            .unwrap_or_default()
    }

    /// All places.
    pub(crate) fn all_places(&self) -> &[Place] {
        &self.places
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.addresses.capacity() * size_of::<u64>()
            + self.buckets.ends.capacity() * size_of::<u32>()
            + self.answers.capacity() * size_of::<Option<Answer>>()
            + self.places.capacity() * size_of::<Place>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_in_its_bucket_and_no_other_is_found() {
        let lists: [&[u64]; 8] = [
            &[],
            &[0],
            &[u64::MAX],
            &[0, u64::MAX],
            &[5, 6, 7, 8, 9],
            &[0, 1, 2, 1 << 40, (1 << 40) + 1, u64::MAX - 1, u64::MAX],
            &[0x1000, 0x1001, 0x2000, 0x1_0000, 0x1_0001, 0x1_0002],
            &[1 << 63, (1 << 63) + 3],
        ];
        for list in lists {
            let buckets = Buckets::new(list);
            let find = |address: u64| {
                let bucket = buckets.of(address)?;
                let at = list[bucket.clone()].binary_search(&address).ok()?;
                Some(bucket.start + at)
            };
            for (number, address) in list.iter().enumerate() {
                assert_eq!(find(*address), Some(number), "{list:x?}");
                for other in [address.wrapping_sub(1), address.wrapping_add(1)] {
                    assert_eq!(find(other), list.iter().position(|known| *known == other));
                }
            }
            assert!(buckets.ends.len() <= 2 * list.len().max(1), "{list:x?}");
        }
    }
}
