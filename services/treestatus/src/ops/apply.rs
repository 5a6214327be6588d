// SPDX-License-Identifier: MPL-2.0
//! What becomes of trees that are locked: their log entries, the feed, and which statuses changed. Cost:
//! the same few statements for one tree and for a thousand.

use chrono::NaiveDateTime;
use releng_db::{AnyConnection, TxResult};

use super::feed::tell_in_txn;
use crate::domain::{Happened, StatusChange, Tree, Update};
use crate::repo::{self, NewEntry};

/// What one tree becomes.
pub(super) struct Step {
    before: Tree,
    after: Tree,
    /// Status, reason and tags of the log entry, if one is written.
    entry: Option<(String, String, Vec<String>)>,
    /// When its entry is written.
    at: NaiveDateTime,
}

/// A tree before and after, and when.
pub(super) struct Applied {
    pub before: Tree,
    pub after: Tree,
    pub at: NaiveDateTime,
}

impl Step {
    /// Plans an update of one tree, whose newest log entry is of `newest_at`.
    pub(super) fn of(
        update: &Update,
        before: Tree,
        newest_at: Option<NaiveDateTime>,
        now: NaiveDateTime,
    ) -> Self {
        Self {
            after: update.applied_to(&before),
            before,
            entry: update.log_entry(),
            // A clock that was set back must not put this entry behind the newest one of its tree. Other trees
            // of the same request have nothing to do with that.
            at: newest_at.map_or(now, |newest| newest.max(now)),
        }
    }

    /// Returns the tree as it will be, but for tags and log entry.
    pub(super) fn after(&self) -> &Tree {
        &self.after
    }
}

/// Writes the log entries of trees whose rows are up to date, and tells the feed.
pub(super) fn record_in_txn(
    conn: &mut AnyConnection,
    who: &str,
    now: NaiveDateTime,
    steps: Vec<Step>,
) -> TxResult<Vec<Applied>> {
    let entry = |step: &Step| -> Option<NewEntry> {
        let (status, reason, tags) = step.entry.clone()?;
        Some(NewEntry {
            tree: step.before.tree.clone(),
            at: step.at,
            status,
            reason,
            tags,
        })
    };
    let entries: Vec<NewEntry> = steps.iter().filter_map(entry).collect();
    let ids = repo::log_insert_all_in_txn(conn, who, &entries)?;
    let applied: Vec<Applied> = steps
        .into_iter()
        .map(|mut step| {
            if let Some((_, _, tags)) = step.entry {
                step.after.tags = tags;
                step.after.log_id = ids.get(&step.before.tree).copied();
            }
            Applied {
                before: step.before,
                after: step.after,
                at: step.at,
            }
        })
        .collect();
    tell_in_txn(
        conn,
        now,
        Happened::Changed,
        applied.iter().map(|a| &a.after),
    )?;
    Ok(applied)
}

/// Returns the changes of status among what was applied.
pub(super) fn changes_of(applied: &[Applied]) -> Vec<StatusChange> {
    let pairs = applied.iter();
    pairs
        .filter_map(|a| StatusChange::between(&a.before, &a.after))
        .collect()
}
