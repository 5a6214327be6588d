// SPDX-License-Identifier: MPL-2.0
//! Names of files as the system has them: bytes, which need not be text.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// JSON holds text only. What is written remains readable for ordinary names.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The name of a file. Its text form has control characters escaped, so that a name can forge
/// neither a log line nor a mail header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(OsString);

impl Name {
    /// Takes a name as it is.
    pub fn new(name: impl Into<OsString>) -> Self {
        Self(name.into())
    }

    /// Returns the name with something behind it.
    #[must_use]
    pub fn with(&self, ending: &str) -> Self {
        let mut name = self.0.clone();
        name.push(ending);
        Self(name)
    }

    /// Returns the name with something before it.
    #[must_use]
    pub fn after(&self, beginning: &str) -> Self {
        let mut name = OsString::from(beginning);
        name.push(&self.0);
        Self(name)
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Returns the name as text, if it is text without control characters.
    pub fn text(&self) -> Option<&str> {
        self.0
            .to_str()
            .filter(|text| !text.chars().any(char::is_control))
    }
}

impl AsRef<OsStr> for Name {
    fn as_ref(&self) -> &OsStr {
        &self.0
    }
}

impl AsRef<Path> for Name {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string_lossy().chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Bytes beyond ASCII are escaped as well, which keeps any byte sequence intact.
        serializer.collect_str(&percent_encode(self.bytes(), ESCAPED))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Vec<u8> = percent_decode_str(&text).collect();
        Ok(Self(OsString::from_vec(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_json() {
        for bytes in [
            &b"a-package"[..],
            b"50%",
            "\u{fc}".as_bytes(),
            b"\xff\xfe\n",
        ] {
            let name = Name::new(OsStr::from_bytes(bytes));
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(
                serde_json::from_str::<Name>(&json).unwrap(),
                name,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_name_forges_no_line() {
        let name = Name::new("a\nBcc: all@example.com");
        assert_eq!(name.to_string(), "a\\nBcc: all@example.com");
        assert_eq!(name.text(), None);
        assert_eq!(Name::new(OsStr::from_bytes(b"\xff")).text(), None);
        assert_eq!(Name::new("a b").text(), Some("a b"));
    }
}
