// SPDX-License-Identifier: MPL-2.0
//! What becomes of trees that are locked: their log entries, the feed, and the messages to others. Cost:
//! the same few statements for one tree and for a thousand, for one change and for many.

use chrono::NaiveDateTime;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use super::{feed, outbox};
use crate::domain::{Happened, NewMessage, StatusChange, Tree, Update};
use crate::repo::{self, NewEntry, NewEvent};
use crate::settings::Notices;

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

    /// Returns whether a log entry is written.
    pub(super) fn has_entry(&self) -> bool {
        self.entry.is_some()
    }

    /// Returns the tree as it will be, but for tags and log entry.
    pub(super) fn after(&self) -> &Tree {
        &self.after
    }
}

/// What changes write beside the rows of their trees, collected to be written at once.
pub(super) struct Records {
    ids: std::vec::IntoIter<i32>,
    entries: Vec<NewEntry>,
    events: Vec<NewEvent>,
    messages: Vec<NewMessage>,
}

impl Records {
    /// Begins with ids for so many log entries. Those that are not needed are never used.
    pub(super) fn begin_in_txn(conn: &mut AnyConnection, entries: usize) -> TxResult<Self> {
        let count = i64::try_from(entries).unwrap_or(i64::MAX);
        Ok(Self {
            ids: repo::log_take_ids_in_txn(conn, count)?.into_iter(),
            entries: Vec::new(),
            events: Vec::new(),
            messages: Vec::new(),
        })
    }

    /// Takes down one change of trees; returns what they are after it.
    pub(super) fn note(
        &mut self,
        notices: &Notices,
        (who, now): (&str, NaiveDateTime),
        steps: Vec<Step>,
    ) -> Result<Vec<Applied>> {
        let applied = steps.into_iter().map(|step| self.applied(who, step));
        let applied: Vec<Applied> = applied.collect::<Result<_>>()?;
        let trees = applied.iter().map(|a| &a.after);
        let events = trees.map(|tree| feed::event_of(now, Happened::Changed, tree));
        self.events.extend(events);
        for change in changes_of(&applied) {
            self.messages
                .extend(outbox::messages(notices, now, &change)?);
        }
        Ok(applied)
    }

    fn applied(&mut self, who: &str, step: Step) -> Result<Applied> {
        let Step {
            before,
            mut after,
            entry,
            at,
        } = step;
        if let Some((status, reason, tags)) = entry {
            let missing = || Error::internal("fewer ids were taken than log entries are written");
            let id = self.ids.next().ok_or_else(missing)?;
            after.log_id = Some(id);
            after.tags.clone_from(&tags);
            self.entries.push(NewEntry {
                id,
                tree: before.tree.clone(),
                at,
                who: who.to_owned(),
                status,
                reason,
                tags,
            });
        }
        Ok(Applied { before, after, at })
    }

    /// Writes all that was taken down.
    pub(super) fn write_in_txn(self, conn: &mut AnyConnection) -> TxResult<()> {
        repo::log_insert_all_in_txn(conn, &self.entries)?;
        repo::event_insert_all_in_txn(conn, &self.events)?;
        Ok(repo::outbox_insert_all_in_txn(conn, &self.messages)?)
    }
}

/// Returns the changes of status among what was applied.
pub(super) fn changes_of(applied: &[Applied]) -> Vec<StatusChange> {
    let pairs = applied.iter();
    pairs
        .filter_map(|a| StatusChange::between(&a.before, &a.after))
        .collect()
}
