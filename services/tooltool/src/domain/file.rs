// SPDX-License-Identifier: MPL-2.0
//! A file as the database knows it.

use chrono::NaiveDateTime;

use super::{Sha512, Visibility};

/// One digest, announced at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Id.
    pub id: i32,
    /// Digest of the bytes.
    pub digest: Sha512,
    /// Number of bytes.
    pub size: i64,
    /// Who may download it.
    pub visibility: Visibility,
    /// Regions whose bucket holds a verified copy, sorted.
    pub instances: Vec<String>,
}

impl File {
    /// Returns whether there is a verified copy.
    pub fn has_instances(&self) -> bool {
        !self.instances.is_empty()
    }
}

/// A PUT URL was handed out and nothing is decided yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The file.
    pub file_id: i32,
    /// When the URL ends, in UTC.
    pub expires: NaiveDateTime,
    /// Whose bucket the URL writes to.
    pub region: String,
}

impl Pending {
    /// Returns whether the URL may still be used.
    pub fn is_live(&self, now: NaiveDateTime) -> bool {
        now < self.expires
    }
}
