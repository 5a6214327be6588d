// SPDX-License-Identifier: MPL-2.0
//! A symbol that somebody wanted and nobody uploaded (tecken.md §4).

use chrono::NaiveDateTime;
use md5::{Digest as _, Md5};

/// Longest text of a field; longer ones are not recorded.
pub const MAX_FIELD_CHARS: usize = 150;

/// A request that found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Module.
    pub symbol: String,
    /// Debug id as requested.
    pub debug_id: String,
    /// File.
    pub filename: String,
    /// Name of the code file; empty when the client does not say.
    pub code_file: String,
    /// Id of the code file; empty when the client does not say.
    pub code_id: String,
}

impl Miss {
    /// Returns whether the miss is of a size that is recorded.
    pub fn is_recordable(&self) -> bool {
        [
            &self.symbol,
            &self.debug_id,
            &self.filename,
            &self.code_file,
            &self.code_id,
        ]
        .iter()
        .all(|field| field.chars().count() <= MAX_FIELD_CHARS && !field.contains('\0'))
    }

    /// Returns the hash by which equal misses are one row.
    pub fn hash(&self) -> String {
        let Self {
            symbol,
            debug_id,
            filename,
            code_file,
            code_id,
        } = self;
        hex::encode(Md5::digest(format!(
            "{symbol}:{debug_id}:{filename}:{code_file}:{code_id}"
        )))
    }
}

/// A recorded miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSymbol {
    /// Id.
    pub id: i32,
    /// Module.
    pub symbol: String,
    /// Debug id.
    pub debug_id: String,
    /// File.
    pub filename: String,
    /// Name of the code file.
    pub code_file: Option<String>,
    /// Id of the code file.
    pub code_id: Option<String>,
    /// How often it was asked for.
    pub count: i32,
    /// When it was asked for last.
    pub modified_at: NaiveDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_existing_rows() {
        let miss = Miss {
            symbol: "nope.pdb".to_owned(),
            debug_id: "ABC1".to_owned(),
            filename: "nope.sym".to_owned(),
            code_file: String::new(),
            code_id: String::new(),
        };
        assert_eq!(
            miss.hash(),
            hex::encode(Md5::digest("nope.pdb:ABC1:nope.sym::"))
        );
        assert!(miss.is_recordable());
        assert!(
            !Miss {
                symbol: "x".repeat(151),
                ..miss
            }
            .is_recordable()
        );
    }
}
