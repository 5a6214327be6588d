// SPDX-License-Identifier: MPL-2.0
//! The name of a file inside a batch.

use releng_common::{Error, Result};

/// Longest name in bytes: what file systems take.
const MAX_BYTES: usize = 255;

/// A name without folders and control characters, so that every client can store it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filename(String);

impl Filename {
    /// Checks a name.
    ///
    /// # Errors
    /// `InvalidInput` that says which rule is broken.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text == "." || text == ".." {
            return Err(Error::invalid(format!(
                "filename {text:?} must name a file"
            )));
        }
        if text.len() > MAX_BYTES {
            return Err(Error::invalid(format!(
                "a filename must have at most {MAX_BYTES} bytes"
            )));
        }
        let is_refused = |c: char| c == '/' || c == '\\' || c.is_control();
        if text.chars().any(is_refused) {
            return Err(Error::invalid(format!(
                "filename {text:?} must not contain /, \\ or control characters"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["a", "a b", "ü.tar.zst", "...", "-rf"] {
            assert_eq!(Filename::parse(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a/b", "a\\b", "../x", "a\n", "a\0", "\u{7f}"] {
            assert!(Filename::parse(name).is_err(), "{name:?}");
        }
        assert!(Filename::parse(&"x".repeat(255)).is_ok());
        assert!(Filename::parse(&"x".repeat(256)).is_err());
    }
}
