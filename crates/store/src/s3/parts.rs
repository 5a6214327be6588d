// SPDX-License-Identifier: MPL-2.0
//! Cuts a stream into parts of a given size, one in memory at a time.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use releng_common::{Error, Kind, Result};

use crate::ByteStream;
use crate::stream::broken;

/// Most parts of one object on S3.
pub(crate) const PARTS_MAX: u64 = 10_000;

/// Parts of a stream whose length nobody knows double after so many, to stay below [`PARTS_MAX`]…
const GROW_AFTER: u64 = 1000;

/// … and stop growing here, because some of them are in memory at the same time.
const PART_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A stream on its way through a knife.
pub(crate) struct Parts {
    stream: ByteStream,
    rest: Bytes,
    first_bytes: u64,
    is_length_known: bool,
    count: u64,
}

impl Parts {
    /// `part_bytes` is the usual size. Where the length is known, it grows from the start so that
    /// all bytes fit.
    pub(crate) fn new(stream: ByteStream, length: Option<u64>, part_bytes: u64) -> Self {
        let needed = length.map_or(0, |length| length.div_ceil(PARTS_MAX));
        Self {
            stream,
            rest: Bytes::new(),
            first_bytes: part_bytes.max(needed),
            is_length_known: length.is_some(),
            count: 0,
        }
    }

    /// Returns the size of the part that comes next.
    pub(crate) fn next_bytes(&self) -> u64 {
        if self.is_length_known {
            return self.first_bytes;
        }
        let doublings = u32::try_from(self.count / GROW_AFTER)
            .unwrap_or(u32::MAX)
            .min(32);
        let grown = self
            .first_bytes
            .saturating_mul(2u64.saturating_pow(doublings));
        grown.min(PART_MAX_BYTES.max(self.first_bytes))
    }

    /// Returns the next part with its number, counted from 1. All but the last are full.
    pub(crate) async fn next(&mut self) -> Result<Option<(i32, Bytes)>> {
        let wanted = usize::try_from(self.next_bytes()).unwrap_or(usize::MAX);
        let mut gathered = BytesMut::new();
        let part = loop {
            let missing = wanted.saturating_sub(gathered.len());
            if self.rest.len() >= missing {
                let end = self.rest.split_to(missing);
                break if gathered.is_empty() {
                    end
                } else {
                    join(gathered, &end)
                };
            }
            gathered.extend_from_slice(&std::mem::take(&mut self.rest));
            match self.stream.next().await {
                Some(chunk) => self.rest = chunk.map_err(broken)?,
                None => break gathered.freeze(),
            }
        };
        if part.is_empty() {
            return Ok(None);
        }
        if self.count == PARTS_MAX {
            let message = format!("the object does not fit into {PARTS_MAX} parts");
            return Err(Error::new(Kind::TooLarge, message));
        }
        self.count = self.count.saturating_add(1);
        let number = i32::try_from(self.count).unwrap_or(i32::MAX);
        Ok(Some((number, part)))
    }
}

fn join(mut start: BytesMut, end: &[u8]) -> Bytes {
    start.extend_from_slice(end);
    start.freeze()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn parts(chunks: &[&'static str], part_bytes: u64) -> Parts {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|text| Ok(Bytes::from_static(text.as_bytes())))
            .collect();
        Parts::new(stream::iter(chunks).boxed(), None, part_bytes)
    }

    #[tokio::test]
    async fn all_parts_but_the_last_are_full_however_the_bytes_arrive() {
        for chunks in [
            &["abcdefgh"][..],
            &["a", "", "bcdefg", "h"],
            &["abc", "def", "gh"],
        ] {
            let mut parts = parts(chunks, 3);
            let mut seen = Vec::new();
            while let Some((number, part)) = parts.next().await.unwrap() {
                seen.push((number, String::from_utf8(part.to_vec()).unwrap()));
            }
            let expected = [(1, "abc"), (2, "def"), (3, "gh")];
            assert_eq!(
                seen,
                expected.map(|(number, text)| (number, text.to_owned()))
            );
        }
    }

    #[tokio::test]
    async fn an_empty_stream_has_no_part() {
        assert!(parts(&[], 3).next().await.unwrap().is_none());
    }

    #[test]
    fn parts_of_a_stream_of_unknown_length_grow_within_bounds() {
        const MIB: u64 = 1024 * 1024;
        let mut parts = parts(&[], 8 * MIB);
        let sizes = [0, 999, 1000, 2000, 3000, 9999].map(|count| {
            parts.count = count;
            parts.next_bytes() / MIB
        });
        assert_eq!(sizes, [8, 8, 16, 32, 64, 64]);
    }

    #[test]
    fn ten_thousand_parts_hold_the_largest_object_of_s3() {
        let five_tib = 5 * 1024 * 1024 * 1024 * 1024;
        let parts = Parts::new(stream::empty().boxed(), Some(five_tib), 8 * 1024 * 1024);
        assert!(parts.next_bytes() * PARTS_MAX >= five_tib);
    }
}
