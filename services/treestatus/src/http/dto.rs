// SPDX-License-Identifier: MPL-2.0
//! The shapes of the wire (treestatus.md §3). They do not move when a column does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, Timelike as _};
use releng_common::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::ToSchema;

use super::condition::Match;
use crate::domain::{
    self, Category, Condition, Edit, LastState, Limits, NewTree, Status, TreeName, Update,
    check_reason,
};

/// Most answers of generation 1 and 2 wrap what they say.
#[derive(Serialize)]
pub(super) struct Wrapped<T> {
    pub result: T,
}

/// A tree.
#[derive(Serialize, ToSchema)]
pub(super) struct Tree {
    /// Name.
    pub tree: String,
    /// `open`, `closed` or `approval required`.
    pub status: String,
    /// Why it has this status.
    pub reason: String,
    /// Message of the day.
    pub message_of_the_day: String,
    /// Tags of the newest log entry.
    pub tags: Vec<String>,
    /// Id of the newest log entry.
    pub log_id: Option<i32>,
    /// `development`, `release_stabilization`, `try`, `comm_repos` or `other`.
    pub category: &'static str,
}

impl From<&domain::Tree> for Tree {
    fn from(tree: &domain::Tree) -> Self {
        let domain::Tree {
            tree,
            status,
            reason,
            message_of_the_day,
            tags,
            log_id,
            category,
        } = tree.clone();
        Self {
            tree,
            status,
            reason,
            message_of_the_day,
            tags,
            log_id,
            category: category.as_str(),
        }
    }
}

/// Returns trees by name, as `GET /trees` wraps them.
pub(super) fn by_name<'a>(
    trees: impl IntoIterator<Item = &'a domain::Tree>,
) -> BTreeMap<String, Tree> {
    trees
        .into_iter()
        .map(|t| (t.tree.clone(), Tree::from(t)))
        .collect()
}

/// An entry of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Log {
    /// Id.
    pub id: i32,
    /// Name of the tree.
    pub tree: String,
    /// Time with microseconds and offset.
    pub when: String,
    /// Client id of the author.
    pub who: String,
    /// New status, or `no change`.
    pub status: String,
    /// New reason, or `no change`.
    pub reason: String,
    /// Reason categories.
    pub tags: Vec<String>,
}

/// A page of the log.
#[derive(Serialize)]
pub(super) struct LogPage {
    /// Entries, newest first.
    pub result: Vec<Log>,
    /// `before` of the next page; null on the last one.
    pub next: Option<i32>,
}

impl From<domain::LogEntry> for Log {
    fn from(entry: domain::LogEntry) -> Self {
        Self {
            id: entry.id,
            tree: entry.tree,
            when: timestamp(entry.when),
            who: entry.who,
            status: entry.status,
            reason: entry.reason,
            tags: entry.tags,
        }
    }
}

/// A remembered change.
#[derive(Serialize, ToSchema)]
pub(super) struct Change {
    /// Id.
    pub id: i32,
    /// The trees that it changed.
    pub trees: Vec<ChangedTree>,
    /// Time with microseconds and offset.
    pub when: String,
    /// Client id of the author.
    pub who: String,
    /// Status that it set.
    pub status: String,
    /// Reason that it gave.
    pub reason: String,
}

/// One tree of a change.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangedTree {
    /// Id of this part.
    pub id: i32,
    /// Name.
    pub tree: String,
    /// Before (`status`, …) and after (`current_status`, …).
    #[schema(value_type = Object)]
    pub last_state: LastState,
}

impl From<domain::Change> for Change {
    fn from(change: domain::Change) -> Self {
        let part = |t: domain::ChangedTree| ChangedTree {
            id: t.id,
            tree: t.tree,
            last_state: t.last_state,
        };
        Self {
            id: change.id,
            trees: change.trees.into_iter().map(part).collect(),
            when: timestamp(change.when),
            who: change.who,
            status: change.status,
            reason: change.reason,
        }
    }
}

/// Body of `PATCH /trees`.
#[derive(Deserialize, ToSchema)]
pub(super) struct UpdateBody {
    trees: Vec<String>,
    status: Option<String>,
    reason: Option<String>,
    message_of_the_day: Option<String>,
    tags: Option<Vec<String>>,
    category: Option<String>,
    #[serde(default)]
    remember: bool,
    /// For each tree that must not have changed since: the `log_id` that was seen, 0 for none.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, i64>)]
    if_log_ids: BTreeMap<String, Number>,
}

/// Reads one of `if_log_ids`. JSON knows larger whole numbers than the database.
fn log_id((tree, id): (&String, &Number)) -> Result<(String, i64)> {
    let problem = || {
        let most = i64::MAX;
        let text = format!("{id} is greater than the maximum of {most} - 'if_log_ids.{tree}'");
        Error::invalid(text)
    };
    Ok((tree.clone(), id.as_i64().ok_or_else(problem)?))
}

impl UpdateBody {
    /// Returns what must hold for the update to be done: the body's `if_log_ids`, and that of the
    /// `If-Match` header.
    pub(super) fn condition(&self, header: Match) -> Result<Condition> {
        let condition = self.if_log_ids.iter().map(log_id);
        let condition: Condition = condition.collect::<Result<_>>()?;
        if let Some(name) = condition.keys().find(|name| !self.trees.contains(name)) {
            let text = format!("if_log_ids must name trees of the request, not {name:?}");
            return Err(Error::invalid(text));
        }
        let of_header = header.of_trees(&self.trees)?;
        let contradicts =
            |(name, id): (&String, &i64)| condition.get(name).is_some_and(|i| i != id);
        if of_header.iter().any(contradicts) {
            return Err(Error::invalid("If-Match and if_log_ids must not differ"));
        }
        Ok(condition.into_iter().chain(of_header).collect())
    }

    pub(super) fn into_update(self, limits: Limits) -> Result<Update> {
        let update = Update {
            trees: self.trees.into_iter().collect::<BTreeSet<_>>(),
            status: self.status.as_deref().map(Status::parse).transpose()?,
            reason: self.reason,
            message_of_the_day: self.message_of_the_day,
            tags: self.tags,
            category: category(self.category.as_deref())?,
            remember: self.remember,
        }
        .check_trees()?;
        update.reason.as_deref().map_or(Ok(()), check_reason)?;
        limits.check_update(&update)?;
        Ok(update)
    }
}

/// Body of `PUT /trees/{tree}`.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTreeBody {
    tree: String,
    status: String,
    reason: String,
    message_of_the_day: String,
    category: Option<String>,
}

fn category(text: Option<&str>) -> Result<Option<Category>> {
    text.map(Category::parse).transpose()
}

impl NewTreeBody {
    pub(super) fn into_tree(self, name_in_path: &str, limits: Limits) -> Result<NewTree> {
        if self.tree != name_in_path {
            return Err(Error::invalid("Tree names must match"));
        }
        let tree = NewTree {
            name: TreeName::parse(&self.tree)?,
            status: Status::parse(&self.status)?,
            reason: self.reason,
            message_of_the_day: self.message_of_the_day,
            category: category(self.category.as_deref())?,
        };
        check_reason(&tree.reason)?;
        limits.check_new(&tree)?;
        Ok(tree)
    }
}

/// Body of `PATCH /log/{id}` and `PATCH /stack/{id}`.
#[derive(Deserialize, ToSchema)]
pub(super) struct EditBody {
    reason: Option<String>,
    tags: Option<Vec<String>>,
}

impl EditBody {
    pub(super) fn into_edit(self, limits: Limits) -> Result<Edit> {
        let edit = Edit {
            reason: self.reason,
            tags: self.tags,
        };
        limits.check_edit(&edit)?;
        Ok(edit)
    }
}

/// Body of `DELETE /trees2`.
#[derive(Deserialize, ToSchema)]
pub(super) struct TreeNames {
    /// The trees to delete.
    pub trees: Vec<String>,
}

/// Turns a checked JSON value into its struct.
pub(super) fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::invalid(e.to_string()))
}

/// ISO 8601 with offset; the fraction has six digits and is left out when it is zero.
pub(super) fn timestamp(when: NaiveDateTime) -> String {
    let pattern = if when.nanosecond() == 0 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S%.6f+00:00"
    };
    when.format(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn a_fraction_of_zero_is_left_out() {
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
        assert_eq!(
            timestamp(at(1_763_619_089_791_220)),
            "2025-11-20T06:11:29.791220+00:00"
        );
        assert_eq!(
            timestamp(at(1_763_619_089_000_000)),
            "2025-11-20T06:11:29+00:00"
        );
    }
}
