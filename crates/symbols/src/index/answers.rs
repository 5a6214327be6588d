// SPDX-License-Identifier: MPL-2.0
//! What an index says about each of some addresses, noted once while its pages are at hand.
//!
//! Addresses are gone through in their order, so that the bytes of a page are read while they are
//! in the cache of the processor; texts stay in their pages until somebody asks for them.

use std::ops::Range;

use super::page::Piece;
use crate::number::{index, narrow, position};

/// Where a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// In a page.
    In(u32, Piece),
    /// A name that pages share: page of names, place in there. The page may not be there yet.
    Shared(u32, u32),
    /// Nowhere.
    None,
}

/// What is said about an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    address: u64,
    /// Distance from the start of the symbol.
    pub(crate) offset: u64,
    /// Size of the function, if the address lies within it; else 0.
    pub(crate) size: u64,
    pub(crate) name: Text,
    /// Start and end of its places.
    pub(crate) places: (u32, u32),
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
    answers: Vec<Answer>,
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
    /// The answer about an address without a symbol.
    pub(crate) fn none(address: u64) -> Self {
        Self {
            address,
            offset: 0,
            size: 0,
            name: Text::None,
            places: (0, 0),
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
    pub(crate) fn push(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// How many places there are so far.
    pub(crate) fn place_count(&self) -> u32 {
        narrow(self.places.len())
    }

    pub(crate) fn place(&mut self, place: Place) {
        self.places.push(place);
    }

    pub(crate) fn answer_mut(&mut self, number: usize) -> Option<&mut Answer> {
        self.answers.get_mut(number)
    }

    #[inline]
    pub(crate) fn get(&self, address: u64) -> Option<&Answer> {
        let near = self.answers.get(self.buckets.of(address)?)?;
        near.iter().find(|answer| answer.address == address)
    }

    /// Places of an answer, the outermost first.
    #[inline]
    pub(crate) fn places(&self, answer: &Answer) -> &[Place] {
        let (start, end) = answer.places;
        self.places
            .get(index(start)..index(end))
            .unwrap_or_default()
    }

    /// The texts of all places.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let places = self.places.iter();
        places.flat_map(|place| [&place.function, &place.file])
    }

    /// The same, to change them.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        let places = self.places.iter_mut();
        places.flat_map(|place| [&mut place.function, &mut place.file])
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.addresses.capacity() * size_of::<u64>()
            + self.buckets.ends.capacity() * size_of::<u32>()
            + self.answers.capacity() * size_of::<Answer>()
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
