// SPDX-License-Identifier: MPL-2.0
//! Who may download a file.

/// Public files may be open to everybody, internal ones never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    /// For everybody, or for holders of `download/public` where that is demanded.
    Public,
    /// For holders of `download/internal`.
    Internal,
}

impl Visibility {
    /// The words of the wire.
    pub const WORDS: [&'static str; 2] = ["public", "internal"];

    /// Parses the word of the wire.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            _ => None,
        }
    }

    /// Returns the word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }
}
