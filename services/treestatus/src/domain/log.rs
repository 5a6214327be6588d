// SPDX-License-Identifier: MPL-2.0
//! One entry of a tree's log.

use chrono::NaiveDateTime;

/// Who changed what, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Id; grows with time.
    pub id: i32,
    /// Name of the tree.
    pub tree: String,
    /// When, in UTC.
    pub when: NaiveDateTime,
    /// Client id of the author.
    pub who: String,
    /// The new status, or the placeholder when only the reason changed.
    pub status: String,
    /// The new reason, or the placeholder when only the status changed.
    pub reason: String,
    /// Reason categories.
    pub tags: Vec<String>,
}
