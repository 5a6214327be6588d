// SPDX-License-Identifier: MPL-2.0
//! A symbol file in blocks that can be parsed apart from each other: each begins where no function
//! is open.

use std::io::Read;

use xxhash_rust::xxh3::Xxh3;

use crate::number::{position, wide};
use crate::parse::record::{Record, parse_line};
use crate::parse::{Limits, ParseError, Unit};

/// Size of a block, unless a function does not fit.
const BLOCK_BYTES: usize = 256 << 10;
/// Room behind a block, so that reading up to its end does not make it grow.
const SLACK_BYTES: usize = 4 << 10;
/// Largest block. A function with more text than this is refused: in two blocks it would lose lines.
const MAX_BLOCK_BYTES: usize = 64 << 20;

/// Reads blocks.
pub(crate) struct Blocks<R> {
    source: R,
    limits: Limits,
    /// What was read but belongs to the next block.
    rest: Vec<u8>,
    file_bytes: u64,
    hash: Xxh3,
    is_at_end: bool,
    /// A line beyond the limit is dropped up to its end.
    is_skipping: bool,
    max_bytes: usize,
    /// The last block ended although a function may be open: no line of one may follow.
    is_cut_open: bool,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(source: R, limits: Limits) -> Self {
        Self {
            source,
            limits,
            rest: Vec::new(),
            file_bytes: 0,
            hash: Xxh3::new(),
            is_at_end: false,
            is_skipping: false,
            max_bytes: MAX_BLOCK_BYTES,
            is_cut_open: false,
        }
    }

    /// Fills the buffer with the next block; tells whether there was one.
    pub(crate) fn next(&mut self, block: &mut Vec<u8>) -> Result<bool, ParseError> {
        block.clear();
        std::mem::swap(block, &mut self.rest);
        let mut wanted = BLOCK_BYTES;
        loop {
            self.fill(block, wanted)?;
            if self.is_at_end {
                self.check_begin(block)?;
                return Ok(!block.is_empty());
            }
            let place = cut(block);
            if let Some(cut) = place.or_else(|| self.forced_cut(block)) {
                self.rest.clear();
                self.rest
                    .extend_from_slice(block.get(cut..).unwrap_or_default());
                block.truncate(cut);
                self.check_begin(block)?;
                self.is_cut_open |= place.is_none();
                return Ok(true);
            }
            wanted = block.len().saturating_mul(2);
        }
    }

    /// Bytes read so far and their hash.
    pub(crate) fn digest(&self) -> (u64, u128) {
        (self.file_bytes, self.hash.digest128())
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    fn forced_cut(&self, block: &[u8]) -> Option<usize> {
        let is_full = block.len() >= self.max_bytes;
        is_full.then(|| memchr::memrchr(b'\n', block).map_or(block.len(), |at| at + 1))
    }

    /// Refuses a file in which lines of a function follow behind a block that ended within it.
    fn check_begin(&mut self, block: &[u8]) -> Result<(), ParseError> {
        if !self.is_cut_open {
            return Ok(());
        }
        for line in block.split(|byte| *byte == b'\n') {
            if ends_function(line) {
                self.is_cut_open = false;
                return Ok(());
            }
            if let Record::Line { .. } | Record::Inline { .. } = parse_line(line) {
                let limit = wide(self.max_bytes);
                return Err(ParseError::TooLarge {
                    unit: Unit::FunctionBytes,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn fill(&mut self, block: &mut Vec<u8>, wanted: usize) -> Result<(), ParseError> {
        block.reserve((wanted + SLACK_BYTES).saturating_sub(block.len()));
        while block.len() < wanted && !self.is_at_end {
            let before = block.len();
            let room = wide(wanted - before);
            let read = self.source.by_ref().take(room).read_to_end(block)?;
            self.is_at_end = wide(read) < room;
            let new = block.get(before..).unwrap_or_default();
            self.hash.update(new);
            self.file_bytes = self.file_bytes.saturating_add(wide(new.len()));
            if self.file_bytes > self.limits.file_bytes {
                let limit = self.limits.file_bytes;
                return Err(ParseError::TooLarge {
                    unit: Unit::FileBytes,
                    limit,
                });
            }
            self.drop_long_line(block, before);
        }
        Ok(())
    }

    /// Takes away what belongs to a line beyond the limit and whose end has not been read.
    fn drop_long_line(&mut self, block: &mut Vec<u8>, before: usize) {
        if self.is_skipping {
            let new = block.get(before..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', new) else {
                block.truncate(before);
                return;
            };
            block.drain(before..=before + end);
            self.is_skipping = false;
        }
        let begin = memchr::memrchr(b'\n', block).map_or(0, |at| at + 1);
        if block.len() - begin > self.limits.line_bytes {
            block.truncate(begin);
            self.is_skipping = true;
        }
    }
}

/// Where the last line begins before which no function is open.
fn cut(block: &[u8]) -> Option<usize> {
    let mut end = memchr::memrchr(b'\n', block)?;
    let last = end + 1;
    loop {
        let head = block.get(..end)?;
        let begin = memchr::memrchr(b'\n', head).map_or(0, |at| at + 1);
        if ends_function(block.get(begin..end)?) {
            return (begin != 0).then_some(begin);
        }
        // From the beginning of the block on no function was opened.
        end = match begin.checked_sub(1) {
            Some(end) => end,
            None => return Some(last),
        };
    }
}

/// Tells whether lines behind this one do not belong to the function before it.
fn ends_function(line: &[u8]) -> bool {
    matches!(line, [b'F' | b'P' | b'S', ..])
        && matches!(
            parse_line(line),
            Record::Function { .. } | Record::BadFunction | Record::Public { .. } | Record::Stack
        )
}

/// Limits that a reader of blocks can keep: a line is in one piece in memory.
pub(crate) fn bounded(limits: &Limits) -> Limits {
    Limits {
        line_bytes: limits.line_bytes.min(position(16 << 20)),
        ..limits.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &[u8], limits: Limits) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::new(text, limits);
        let mut found = Vec::new();
        let mut block = Vec::new();
        while blocks.next(&mut block).unwrap() {
            found.push(block.clone());
        }
        assert_eq!(
            blocks.digest(),
            (wide(text.len()), xxhash_rust::xxh3::xxh3_128(text))
        );
        found
    }

    #[test]
    fn blocks_begin_where_no_function_is_open() {
        let mut text = String::from("MODULE Linux x86 AB a\n");
        for number in 0..200_000 {
            text += &format!("FUNC {number:x}0 10 0 name\n{number:x}0 10 1 1\nPUBLIC q 0 x\n");
        }
        let found = blocks(text.as_bytes(), Limits::default());
        assert!(found.len() > 5);
        assert_eq!(found.concat(), text.as_bytes());
        assert!(
            found
                .iter()
                .skip(1)
                .all(|block| block.starts_with(b"FUNC "))
        );
    }

    #[test]
    fn a_function_is_not_cut_and_names_are() {
        let files = "FILE 1 a/long/name/of/a/file.c\n".repeat(100_000);
        let lines = "1000 10 1 1\n".repeat(300_000);
        let text = format!("{files}FUNC 1000 10 0 f\n{lines}STACK CFI x\n");
        let found = blocks(text.as_bytes(), Limits::default());
        assert_eq!(found.concat(), text.as_bytes());
        assert!(found.len() >= 3);
        assert!(
            found
                .iter()
                .any(|block| block.ends_with(b"FUNC 1000 10 0 f\n") || block.len() > lines.len())
        );
    }

    /// Reads blocks of at most a megabyte.
    fn small_blocks(text: &str) -> Result<Vec<u8>, ParseError> {
        let mut blocks = Blocks::new(text.as_bytes(), Limits::default());
        blocks.max_bytes = 1 << 20;
        let (mut block, mut all) = (Vec::new(), Vec::new());
        while blocks.next(&mut block)? {
            all.extend_from_slice(&block);
        }
        Ok(all)
    }

    #[test]
    fn a_function_larger_than_a_block_is_refused_and_never_loses_lines() {
        let head = "FUNC 1000 10 0 f\n";
        for line in [
            "1000 10 1 1\n",
            "INLINE 0 1 0 0 1000 10\n",
            "FILE 1 a.c\n1000 10 1 1\n",
        ] {
            let text = format!("{head}{}FUNC 2000 10 0 g\n", line.repeat(200_000));
            let refused = small_blocks(&text).unwrap_err().to_string();
            assert_eq!(
                refused,
                "the symbol file exceeds the limit of 1048576 bytes in one function"
            );
        }
        // Names behind the last function, however many, are of no function.
        let names = "FILE 1 a/long/name/of/a/file.c\n".repeat(100_000);
        for end in [
            "",
            "FUNC 2000 10 0 g\n2000 10 1 1\n",
            "STACK CFI x\n1000 10 1 1\n",
        ] {
            let text = format!("{head}1000 10 1 1\n{names}{end}");
            assert_eq!(small_blocks(&text).unwrap(), text.as_bytes());
        }
        let text = format!("{head}{names}1000 10 1 1\n");
        assert!(small_blocks(&text).is_err());
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped_while_they_are_read() {
        let limits = Limits {
            line_bytes: 1000,
            ..Limits::default()
        };
        let long = "x".repeat(5 << 20);
        let text = format!("FUNC 1 1 1 a\n{long}\nFUNC 2 1 1 b\n{long}");
        let found = blocks(text.as_bytes(), limits).concat();
        assert!(found.len() < 2 << 20);
        let kept = String::from_utf8(found).unwrap();
        assert!(kept.starts_with("FUNC 1 1 1 a\n") && kept.contains("\nFUNC 2 1 1 b\n"));
    }
}
