// SPDX-License-Identifier: MPL-2.0
//! A remembered change: an entry of the stack that can be restored or discarded.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

/// An entry of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Id.
    pub id: i32,
    /// The trees that it changed.
    pub trees: Vec<ChangedTree>,
    /// When, in UTC.
    pub when: NaiveDateTime,
    /// Client id of the author.
    pub who: String,
    /// Status that it set.
    pub status: String,
    /// Reason that it gave.
    pub reason: String,
}

/// One tree of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedTree {
    /// Id of this part.
    pub id: i32,
    /// Name of the tree.
    pub tree: String,
    /// Before and after.
    pub last_state: LastState,
}

/// The state before a change and what the change made of it. Stored as JSON; members that old rows
/// lack are filled in as treestatus.md §3 says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastState {
    /// Status before.
    pub status: String,
    /// Reason before.
    pub reason: String,
    /// Tags before.
    pub tags: Vec<String>,
    /// Newest log entry before.
    pub log_id: Option<i32>,
    /// Status after.
    pub current_status: String,
    /// Reason after.
    pub current_reason: String,
    /// Tags after.
    pub current_tags: Vec<String>,
    /// The log entry that the change wrote.
    pub current_log_id: Option<i32>,
}

impl Default for LastState {
    fn default() -> Self {
        let (status, reason) = ("closed".to_owned(), "New tree".to_owned());
        Self {
            status: status.clone(),
            reason: reason.clone(),
            tags: Vec::new(),
            log_id: None,
            current_status: status,
            current_reason: reason,
            current_tags: Vec::new(),
            current_log_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_old_rows_lack_are_filled_in() {
        let state: LastState = serde_json::from_str(r#"{"status":"open","reason":""}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&state).unwrap(),
            r#"{"status":"open","reason":"","tags":[],"log_id":null,"current_status":"closed","current_reason":"New tree","current_tags":[],"current_log_id":null}"#
        );
    }
}
