// SPDX-License-Identifier: MPL-2.0
//! Why an index cannot be used or made.

use crate::parse::ParseError;

/// Why an index cannot be used. In every case but [`IndexError::Read`] the index is to be thrown
/// away and built again from the symbol file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The bytes are no index, or were cut off.
    #[error("not a symbol index, or cut off")]
    NoIndex,
    /// The index has a format that this program does not know.
    #[error("the symbol index has the format {found}, this program knows {known}")]
    Version {
        /// Format of the index.
        found: u32,
        /// The only format known.
        known: u32,
    },
    /// Some bytes are not those that were written.
    #[error("the symbol index is damaged: {part}")]
    Damaged {
        /// Which part.
        part: Part,
    },
    /// Reading failed; says nothing about the index.
    #[error("cannot read the symbol index")]
    Read(#[from] std::io::Error),
}

/// A part of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first bytes.
    Head,
    /// The list of pages.
    Root,
    /// A page, by its number.
    Page(u32),
    /// The last bytes.
    Foot,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Root => f.write_str("root"),
            Self::Page(number) => write!(f, "page {number}"),
            Self::Foot => f.write_str("foot"),
        }
    }
}

impl IndexError {
    pub(crate) fn damaged(part: Part) -> Self {
        Self::Damaged { part }
    }
}

/// Why an index was not made. What has been written is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The symbol file is none, exceeds a limit, or cannot be read.
    #[error(transparent)]
    File(#[from] ParseError),
    /// The index cannot be written.
    #[error("cannot write the symbol index")]
    Write(#[source] std::io::Error),
}
