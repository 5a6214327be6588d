// SPDX-License-Identifier: MPL-2.0
//! The name of a file: the SHA-512 of its bytes.

use std::fmt;

use releng_common::{Error, Result};

/// Text for a digest that is none; clients know it.
pub const INVALID: &str = "Invalid sha512 digest";

/// Characters of a digest.
const LENGTH: usize = 128;

/// 128 lower-case hexadecimal digits. Upper case is another name and therefore none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha512(String);

impl Sha512 {
    /// Checks a digest.
    ///
    /// # Errors
    /// `InvalidInput` in the words of the contract.
    pub fn parse(text: &str) -> Result<Self> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == LENGTH && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid(INVALID))
        }
    }

    /// Wraps a digest that was checked before it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key of the object in every bucket.
    pub fn object_key(&self) -> String {
        format!("sha512/{}", self.0)
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_128_lower_case_digits_are_a_digest() {
        let good = "0123456789abcdef".repeat(8);
        assert_eq!(Sha512::parse(&good).unwrap().as_str(), good);
        let bad = [
            String::new(),
            good.to_uppercase(),
            good[1..].to_owned(),
            format!("{good}0"),
            format!("{good}\n"),
            format!("{}g", &good[1..]),
            "é".repeat(64),
        ];
        for text in bad {
            let error = Sha512::parse(&text).unwrap_err();
            assert_eq!(error.message(), "Invalid sha512 digest", "{text:?}");
        }
    }
}
