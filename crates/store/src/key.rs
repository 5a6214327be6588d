// SPDX-License-Identifier: MPL-2.0
//! Names of objects, valid in every store.

use std::fmt;

use releng_common::{Error, Result};

/// Longest key in bytes, the bound of S3.
pub const KEY_MAX_BYTES: usize = 1024;

/// The name of an object: 1 to 1024 bytes of UTF-8 without NUL. Nothing else is special: slashes
/// may repeat or end it, and `..` is a name like any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a name.
    ///
    /// # Errors
    /// `InvalidInput` naming the rule.
    pub fn parse(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() {
            return Err(Error::invalid("object key must not be empty"));
        }
        if name.len() > KEY_MAX_BYTES {
            return Err(Error::invalid(format!(
                "object key has {} bytes, {KEY_MAX_BYTES} are allowed",
                name.len()
            )));
        }
        if name.contains('\0') {
            return Err(Error::invalid(
                "object key must not contain a NUL character",
            ));
        }
        Ok(Self(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Key {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::parse(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_a_key_are_those_of_s3() {
        assert_eq!(
            Key::parse("").unwrap_err().message(),
            "object key must not be empty"
        );
        assert_eq!(
            Key::parse("x".repeat(1025)).unwrap_err().message(),
            "object key has 1025 bytes, 1024 are allowed"
        );
        assert_eq!(
            Key::parse("a\0b").unwrap_err().message(),
            "object key must not contain a NUL character"
        );
        for name in ["a", "/", "a//b/", "..", "../../etc/passwd", "ü\n"] {
            assert_eq!(Key::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(Key::parse("x".repeat(1024)).unwrap().as_str().len(), 1024);
    }
}
