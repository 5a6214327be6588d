// SPDX-License-Identifier: MPL-2.0
//! A remembered change: an entry of the stack that can be restored or discarded.

use chrono::NaiveDateTime;
use serde::Serialize;
use serde_json::{Map, Value};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

impl LastState {
    /// Reads what a row holds. A member that is not what it should be counts as missing and leaves the
    /// others alone: the Python service checked nothing of what it stored.
    pub fn of_row(text: &str) -> Self {
        let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let state = Self::default();
        Self {
            status: words(&members, "status").unwrap_or(state.status),
            reason: words(&members, "reason").unwrap_or(state.reason),
            tags: tags(&members, "tags"),
            log_id: number(&members, "log_id"),
            current_status: words(&members, "current_status").unwrap_or(state.current_status),
            current_reason: words(&members, "current_reason").unwrap_or(state.current_reason),
            current_tags: tags(&members, "current_tags"),
            current_log_id: number(&members, "current_log_id"),
        }
    }
}

fn words(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name)?.as_str().map(str::to_owned)
}

fn number(members: &Map<String, Value>, name: &str) -> Option<i32> {
    let value = members.get(name)?;
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.or_else(|| value.as_str()?.parse().ok())
}

/// Tags stand in a list, or in the text of one, as in the table of the log.
fn tags(members: &Map<String, Value>, name: &str) -> Vec<String> {
    let Some(value) = members.get(name) else {
        return Vec::new();
    };
    let text = value.as_str().unwrap_or_default();
    let inner: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let list = value.as_array().unwrap_or(&inner).iter();
    list.filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        serde_json::to_string(&LastState::of_row(text)).unwrap()
    }

    #[test]
    fn members_that_old_rows_lack_are_filled_in() {
        assert_eq!(
            read(r#"{"status":"open","reason":""}"#),
            r#"{"status":"open","reason":"","tags":[],"log_id":null,"current_status":"closed","current_reason":"New tree","current_tags":[],"current_log_id":null}"#
        );
    }

    #[test]
    fn a_member_of_an_odd_type_leaves_the_others_alone() {
        assert_eq!(
            read(
                r#"{"status":"open","reason":null,"tags":null,"log_id":"7","current_status":5,
                "current_reason":"r","current_tags":"[\"infra\"]","current_log_id":99999999999}"#
            ),
            r#"{"status":"open","reason":"New tree","tags":[],"log_id":7,"current_status":"closed","current_reason":"r","current_tags":["infra"],"current_log_id":null}"#
        );
        let state = LastState::of_row(r#"{"status":"open","tags":["infra",1,null]}"#);
        assert_eq!(
            (&*state.status, state.tags),
            ("open", vec!["infra".to_owned()])
        );
        for nothing in ["", "null", "[]", "{", "7"] {
            assert_eq!(
                LastState::of_row(nothing),
                LastState::default(),
                "{nothing}"
            );
        }
    }
}
