// SPDX-License-Identifier: MPL-2.0
//! The fields of one record: numbers and names separated by blanks.

/// A cursor over the fields of a record.
///
/// Numbers are read straight from the bytes: this is the inner loop of parsing, a real file has
/// tens of millions of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The next field as a hexadecimal number of 64 bits.
    #[inline]
    pub(crate) fn hex(&mut self) -> Option<u64> {
        let rest = skip_blanks(self.rest);
        let mut value = 0u64;
        let mut digits = 0usize;
        for byte in rest {
            let digit = hex_value(*byte);
            if digit > 15 {
                break;
            }
            value = value << 4 | u64::from(digit);
            digits += 1;
        }
        match rest.get(digits) {
            Some(b' ' | b'\t') | None if (1..=16).contains(&digits) => {
                self.rest = rest.get(digits + 1..).unwrap_or_default();
                Some(value)
            }
            _ => self.odd_hex(),
        }
    }

    /// The next field as a decimal number of 32 bits.
    #[inline]
    pub(crate) fn dec(&mut self) -> Option<u32> {
        let rest = skip_blanks(self.rest);
        let mut value = 0u64;
        let mut digits = 0usize;
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        match rest.get(digits) {
            Some(b' ' | b'\t') | None if (1..=10).contains(&digits) => {
                self.rest = rest.get(digits + 1..).unwrap_or_default();
                u32::try_from(value).ok()
            }
            _ => self.odd_dec(),
        }
    }

    /// With a prefix, or zeros in front.
    #[cold]
    fn odd_hex(&mut self) -> Option<u64> {
        let mut rest = skip_blanks(self.rest);
        if let [b'0', b'x' | b'X', tail @ ..] = rest {
            rest = tail;
        }
        let mut value = 0u64;
        let mut has_digits = false;
        while let [byte, tail @ ..] = rest {
            if is_blank(*byte) {
                break;
            }
            let digit = hex_digit(*byte)?;
            if value >> 60 != 0 {
                return None;
            }
            value = value << 4 | digit;
            has_digits = true;
            rest = tail;
        }
        self.rest = rest;
        has_digits.then_some(value)
    }

    /// With zeros in front.
    #[cold]
    fn odd_dec(&mut self) -> Option<u32> {
        let mut rest = skip_blanks(self.rest);
        let mut value = 0u32;
        let mut has_digits = false;
        while let [byte, tail @ ..] = rest {
            if is_blank(*byte) {
                break;
            }
            let digit = u32::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(digit)?;
            has_digits = true;
            rest = tail;
        }
        self.rest = rest;
        has_digits.then_some(value)
    }

    /// Steps over the flag `m`, which marks symbols that share an address.
    pub(crate) fn skip_multiple_flag(&mut self) {
        if let [b'm', b' ' | b'\t', tail @ ..] = skip_blanks(self.rest) {
            self.rest = tail;
        }
    }

    /// All that is left, as the record's last field, which may contain blanks; never empty.
    pub(crate) fn name(&self) -> Option<&'a [u8]> {
        let name = skip_blanks(self.rest);
        (!name.is_empty()).then_some(name)
    }

    /// Tells whether no field is left.
    pub(crate) fn is_empty(&self) -> bool {
        skip_blanks(self.rest).is_empty()
    }
}

pub(crate) fn is_hex_digit(byte: u8) -> bool {
    hex_digit(byte).is_some()
}

fn hex_digit(byte: u8) -> Option<u64> {
    Some(hex_value(byte))
        .filter(|digit| *digit < 16)
        .map(u64::from)
}

/// The value of a digit, and something beyond 15 for anything else: by a table, because digits and
/// letters come in no order that a processor could foresee.
#[inline]
fn hex_value(byte: u8) -> u8 {
    HEX_VALUES
        .get(usize::from(byte))
        .copied()
        .unwrap_or(u8::MAX)
}

static HEX_VALUES: [u8; 256] = hex_values();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs when this is compiled, where there are no iterators"
)]
const fn hex_values() -> [u8; 256] {
    let mut values = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 10 {
        values[(b'0' + digit) as usize] = digit;
        digit += 1;
    }
    while digit < 16 {
        values[(b'a' + digit - 10) as usize] = digit;
        values[(b'A' + digit - 10) as usize] = digit;
        digit += 1;
    }
    values
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[inline]
fn skip_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', tail @ ..] = text {
        text = tail;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_takes_either_case_and_a_prefix_and_all_of_64_bits() {
        for (text, expected) in [
            ("1f", Some(0x1f)),
            ("1F", Some(0x1f)),
            ("0x1f", Some(0x1f)),
            ("0X1F", Some(0x1f)),
            ("0", Some(0)),
            ("ffffffffffffffff", Some(u64::MAX)),
            ("00000000000000000001", Some(1)),
            ("10000000000000000", None),
            ("0x", None),
            ("", None),
            ("-1", None),
            ("1g", None),
        ] {
            assert_eq!(Fields::new(text.as_bytes()).hex(), expected, "{text:?}");
        }
    }

    #[test]
    fn dec_takes_all_of_32_bits_and_no_sign() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("1a", None),
            ("", None),
        ] {
            assert_eq!(Fields::new(text.as_bytes()).dec(), expected, "{text:?}");
        }
    }

    #[test]
    fn blanks_and_tabs_separate_fields_and_stay_inside_the_name() {
        let mut fields = Fields::new(b" \t m  10\t20   a  b ");
        fields.skip_multiple_flag();
        assert_eq!((fields.hex(), fields.dec()), (Some(0x10), Some(20)));
        assert_eq!(fields.name(), Some(&b"a  b "[..]));
    }
}
