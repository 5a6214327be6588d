// SPDX-License-Identifier: MPL-2.0
//! Source lines and inlined calls, which most lines of a symbol file are, written plainly: numbers
//! of eight digits at most, one blank between them, and a line feed behind the last.
//!
//! Each number is taken from one word of the text at once: a loop over its digits would end where
//! no processor foresees it. Whatever is written otherwise, right or wrong, is nothing here and left
//! to [`parse_line`](super::record::parse_line).

use super::record::MAX_DEPTH;
use crate::number::index;

/// A one in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// A source line: address, size, line, file.
pub(crate) type SourceLine = (u32, u32, u32, u32);

/// What an inlined call says before its ranges: depth; line, file, origin.
pub(crate) type Call = (u32, (u32, u32, u32));

/// The source line that a text begins with, and what follows it.
#[inline]
pub(crate) fn source_line(text: &[u8]) -> Option<(SourceLine, &[u8])> {
    let mut numbers = Numbers { rest: text };
    let (address, size) = (numbers.hex_and(b' ')?, numbers.hex_and(b' ')?);
    let (line, file) = (numbers.dec_and(b' ')?, numbers.dec_and(b'\n')?);
    Some(((address, size, line, file), numbers.rest))
}

/// The inlined call that a text begins with, before its ranges.
#[inline]
pub(crate) fn call(text: &[u8]) -> Option<(Call, Ranges<'_>)> {
    let rest = text.strip_prefix(b"INLINE ")?;
    let mut numbers = Numbers { rest };
    let (depth, line) = (numbers.dec_and(b' ')?, numbers.dec_and(b' ')?);
    let (file, origin) = (numbers.dec_and(b' ')?, numbers.dec_and(b' ')?);
    let ranges = Ranges {
        numbers,
        is_at_end: false,
    };
    (depth < MAX_DEPTH).then_some(((depth, (line, file, origin)), ranges))
}

/// The ranges of an inlined call, up to the end of its line or what is not written plainly.
#[derive(Debug)]
pub(crate) struct Ranges<'a> {
    numbers: Numbers<'a>,
    is_at_end: bool,
}

impl<'a> Ranges<'a> {
    /// What follows the line, once all its ranges were taken.
    pub(crate) fn rest(&self) -> Option<&'a [u8]> {
        self.is_at_end.then_some(self.numbers.rest)
    }
}

impl Iterator for Ranges<'_> {
    type Item = (u32, u32);

    #[inline]
    fn next(&mut self) -> Option<(u32, u32)> {
        if self.is_at_end {
            return None;
        }
        let start = self.numbers.hex_and(b' ')?;
        let (size, end) = self.numbers.hex()?;
        self.is_at_end = end == b'\n';
        (self.is_at_end || end == b' ').then_some((start, size))
    }
}

/// Text that begins with a number.
#[derive(Debug)]
struct Numbers<'a> {
    rest: &'a [u8],
}

impl Numbers<'_> {
    #[inline]
    fn hex_and(&mut self, end: u8) -> Option<u32> {
        let (value, found) = self.hex()?;
        (found == end).then_some(value)
    }

    #[inline]
    fn dec_and(&mut self, end: u8) -> Option<u32> {
        let (value, found) = self.dec()?;
        (found == end).then_some(value)
    }

    /// The next number, hexadecimal, and the byte behind it.
    #[inline]
    fn hex(&mut self) -> Option<(u32, u8)> {
        let (digits, end) = self.field()?;
        // The bit 0x40 tells letters; their bit 0x20, changed to the opposite, capitals.
        let letters = digits >> 6 & EACH;
        let values = (digits & (0x0f * EACH)) + letters * 9;
        // Written again, only digits become what they were.
        let beyond_nine = (values + 6 * EACH) >> 4 & EACH;
        let again = values + beyond_nine * 0x47;
        let is_wrong = (again ^ (digits & !(letters << 5))) | (values & (0xf0 * EACH));
        // The first digit is in the lowest byte.
        let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs << 8 | pairs >> 16) & 0x0000_ffff_0000_ffff;
        let value = (fours << 16 | fours >> 32) & 0xffff_ffff;
        let value = u32::try_from(value).ok().filter(|_| is_wrong == 0)?;
        Some((value, end))
    }

    /// The next number, decimal, and the byte behind it.
    #[inline]
    fn dec(&mut self) -> Option<(u32, u8)> {
        let (digits, end) = self.field()?;
        let is_wrong = (digits.wrapping_add(0x76 * EACH) | digits) & (0x80 * EACH);
        let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        let value = (fours * 10_000 + (fours >> 32)) & 0xffff_ffff;
        let value = u32::try_from(value).ok().filter(|_| is_wrong == 0)?;
        Some((value, end))
    }

    /// Up to eight bytes that end with a blank or the like, as their difference from the digit 0,
    /// behind as many zeros as are missing; and what they end with.
    #[inline]
    fn field(&mut self) -> Option<(u64, u8)> {
        let word = u64::from_le_bytes(*self.rest.first_chunk()?);
        // Digits have the bit 0x10, letters the bit 0x40; blanks and ends of lines have neither.
        let ends = !(word | word >> 2) & (0x10 * EACH);
        let length = ends.trailing_zeros() / 8;
        let (end, rest) = self.rest.get(index(length)..)?.split_first()?;
        let digits = (word ^ (0x30 * EACH)).checked_shl(64 - 8 * length)?;
        self.rest = rest;
        Some((digits, *end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::record::{Record, inline_fields, parse_line};

    /// What the other reader makes of the first line of a text.
    fn line_of(text: &[u8]) -> Option<(u64, u64, u32, u32)> {
        match parse_line(text.split(|byte| *byte == b'\n').next()?) {
            Record::Line {
                address,
                size,
                line,
                file,
            } => Some((address, size, line, file)),
            _ => None,
        }
    }

    fn numbers() -> Vec<String> {
        let hex = (0..40u32).map(|n| format!("{:x}", 0x9af5_1b3c_u32.wrapping_mul(n) >> (n % 32)));
        let odd = [
            "",
            "g",
            "1g",
            "F",
            "aF0",
            "00000000",
            "99999999",
            "123456789",
            "0x1",
            "-1",
        ];
        let near = [
            "/", ":", "@", "`", "G", "p", "q0", "1\0", "\u{e1}", "1\r", "1\t", "1 ",
        ];
        hex.chain(odd.map(str::to_owned))
            .chain(near.map(str::to_owned))
            .collect()
    }

    #[test]
    fn a_plain_line_says_what_it_says_to_the_other_reader() {
        let numbers = numbers();
        let mut plain = 0;
        for round in 0..4 * numbers.len() {
            for number in &numbers {
                let mut fields = ["1f", "2", "30", "4"];
                fields[round % 4] = number;
                fields[(round + 1) % 4] = &numbers[round / 4];
                let text = format!("{}\nFUNC 1 1 0 x\n", fields.join(" "));
                if let Some(((address, size, line, file), rest)) = source_line(text.as_bytes()) {
                    plain += 1;
                    let found = (u64::from(address), u64::from(size), line, file);
                    assert_eq!(Some(found), line_of(text.as_bytes()), "{text:?}");
                    assert_eq!(rest, b"FUNC 1 1 0 x\n", "{text:?}");
                }
            }
        }
        assert!(plain > 3_000, "{plain}");
    }

    #[test]
    fn a_plain_call_says_what_it_says_to_the_other_reader() {
        let mut plain = 0;
        for number in &numbers() {
            for at in 0..8 {
                let mut fields = ["0", "12", "345", "6789", "10ab", "2c", "beef0", "123"];
                fields[at] = number;
                let line = format!("INLINE {}", fields.join(" "));
                let text = format!("{line}\n12345678");
                let Some((call, mut ranges)) = call(text.as_bytes()) else {
                    continue;
                };
                let found: Vec<_> = ranges.by_ref().collect();
                let Some(rest) = ranges.rest() else {
                    continue;
                };
                plain += 1;
                assert_eq!(rest, b"12345678", "{text:?}");
                let (depth, other, mut fields) = inline_fields(line.as_bytes()).unwrap();
                assert_eq!(call, (depth, other), "{text:?}");
                for (start, size) in found {
                    let expected = (fields.hex(), fields.hex());
                    assert_eq!(
                        (Some(u64::from(start)), Some(u64::from(size))),
                        expected,
                        "{text:?}"
                    );
                }
                assert!(fields.is_empty(), "{text:?}");
            }
        }
        assert!(plain > 200, "{plain}");
    }

    #[test]
    fn numbers_of_one_to_eight_digits_are_plain_and_no_others() {
        let hex = |text: &str| {
            Numbers {
                rest: text.as_bytes(),
            }
            .hex()
        };
        let dec = |text: &str| {
            Numbers {
                rest: text.as_bytes(),
            }
            .dec()
        };
        assert_eq!(hex("0 .........."), Some((0, b' ')));
        assert_eq!(hex("09afAF5e\n"), Some((0x09af_af5e, b'\n')));
        assert_eq!(hex("ffffffff "), Some((u32::MAX, b' ')));
        assert_eq!(hex("123456789 "), Some((0x1234_5678, b'9')));
        assert_eq!(dec("99999999 "), Some((99_999_999, b' ')));
        assert_eq!(dec("007 ....."), Some((7, b' ')));
        for text in [
            " 12345678",
            "12345678",
            "12g45678 ",
            "12:45678 ",
            "\u{3b1}1234567 ",
        ] {
            assert_eq!(hex(text), None, "{text:?}");
        }
        for text in ["12a ......", "1:2 ......", "", "\n12345678"] {
            assert_eq!(dec(text), None, "{text:?}");
        }
    }
}
