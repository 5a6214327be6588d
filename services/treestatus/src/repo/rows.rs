// SPDX-License-Identifier: MPL-2.0
//! Rows as the tables hold them, and how they become domain values.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

use super::schema::{change_trees, changes, logs, trees};
use crate::domain::{Category, Change, ChangedTree, LastState, LogEntry, Tree};

#[derive(QueryableByName)]
pub(super) struct TreeRow {
    #[diesel(sql_type = Text)]
    pub tree: String,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Text)]
    pub message_of_the_day: String,
    #[diesel(sql_type = Nullable<Integer>)]
    pub log_id: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    pub tags: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub category: Option<String>,
}

impl From<TreeRow> for Tree {
    fn from(row: TreeRow) -> Self {
        let category = row.category.and_then(|text| Category::parse(&text).ok());
        Self {
            category: category.unwrap_or_else(|| Category::of_name(&row.tree)),
            tree: row.tree,
            status: row.status,
            reason: row.reason,
            message_of_the_day: row.message_of_the_day,
            tags: row.tags.map(|text| tags_from(&text)).unwrap_or_default(),
            log_id: row.log_id,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = trees)]
pub(super) struct NewTreeRow<'a> {
    pub tree: &'a str,
    pub status: &'a str,
    pub reason: &'a str,
    pub message_of_the_day: &'a str,
    pub category: Option<&'static str>,
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = logs)]
pub(super) struct LogRow {
    pub id: i32,
    pub tree: String,
    pub at: NaiveDateTime,
    pub who: String,
    pub status: String,
    pub reason: String,
    pub tags: String,
}

impl From<LogRow> for LogEntry {
    fn from(row: LogRow) -> Self {
        Self {
            id: row.id,
            tree: row.tree,
            when: row.at,
            who: row.who,
            status: row.status,
            reason: row.reason,
            tags: tags_from(&row.tags),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = logs)]
pub(super) struct NewLogRow<'a> {
    pub id: i32,
    pub tree: &'a str,
    pub at: NaiveDateTime,
    pub who: &'a str,
    pub status: &'a str,
    pub reason: &'a str,
    pub tags: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
pub(super) struct ChangeRow {
    pub id: i32,
    pub who: String,
    pub reason: String,
    pub at: NaiveDateTime,
    pub status: String,
}

impl ChangeRow {
    pub(super) fn with(self, trees: Vec<ChangedTree>) -> Change {
        Change {
            id: self.id,
            trees,
            when: self.at,
            who: self.who,
            status: self.status,
            reason: self.reason,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = changes)]
pub(super) struct NewChangeRow<'a> {
    pub who: &'a str,
    pub reason: &'a str,
    pub at: NaiveDateTime,
    pub status: &'a str,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = change_trees)]
pub(super) struct ChangeTreeRow {
    pub id: i32,
    /// The Python service allows a part without an entry; such a row belongs to nothing.
    pub stack_id: Option<i32>,
    pub tree: String,
    pub last_state: Option<String>,
}

impl From<ChangeTreeRow> for ChangedTree {
    fn from(row: ChangeTreeRow) -> Self {
        Self {
            id: row.id,
            tree: row.tree,
            last_state: LastState::of_row(row.last_state.as_deref().unwrap_or_default()),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = change_trees)]
pub(super) struct NewChangeTreeRow<'a> {
    pub stack_id: i32,
    pub tree: &'a str,
    pub last_state: String,
}

/// Tags stand in the table as a JSON list.
pub(super) fn tags_from(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn tags_to(tags: &[String]) -> String {
    serde_json::Value::from(tags.to_vec()).to_string()
}
