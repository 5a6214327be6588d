// SPDX-License-Identifier: MPL-2.0
//! What an index says about each of some addresses, noted once while its pages are at hand.
//!
//! Addresses are gone through in their order, so that the bytes of a page are read while they are
//! in the cache of the processor; texts stay in their pages until somebody asks for them.

use super::page::{Piece, Used};
use crate::number::{index, narrow};

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
    /// One for each address.
    answers: Vec<Option<Answer>>,
    places: Vec<Place>,
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
        let at = self.addresses.binary_search(&address).ok()?;
        self.answers.get(at)?.as_ref()
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
            + self.answers.capacity() * size_of::<Option<Answer>>()
            + self.places.capacity() * size_of::<Place>()
    }
}
