// SPDX-License-Identifier: MPL-2.0
//! Reading the log of a tree, and correcting it.

use chrono::NaiveDateTime;
use releng_common::auth::Caller;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use super::NO_SUCH_TREE;
use super::feed::tell_named_in_txn;
use crate::domain::{Edit, Happened, LastState, LogEntry, LogQuery};
use crate::{State, repo};

/// Entries of `/trees/{tree}/logs` (treestatus.md §2).
const NEWEST: i64 = 5;

/// Returns the five newest entries of a tree, newest first.
///
/// # Errors
/// `NotFound` for an unknown tree.
pub async fn log_newest(state: &State, tree: String) -> Result<Vec<LogEntry>> {
    let query = LogQuery {
        limit: NEWEST,
        ..LogQuery::default()
    };
    log_search(state, tree, query)
        .await
        .map(|(entries, _)| entries)
}

/// Returns a page of the log of a tree, newest first, and the id to go on from if there is more.
///
/// # Errors
/// `NotFound` for an unknown tree, `InvalidInput` for a cursor that is no entry of it.
pub async fn log_search(
    state: &State,
    tree: String,
    query: LogQuery,
) -> Result<(Vec<LogEntry>, Option<i32>)> {
    state
        .db
        .read(move |conn| {
            if !repo::tree_exists(conn, &tree)? {
                return Err(Error::not_found(NO_SUCH_TREE).into());
            }
            let older_than = match query.before {
                None => None,
                Some(id) => {
                    let entry = repo::log_fetch(conn, id)?.filter(|entry| entry.tree == tree);
                    let entry = entry.ok_or_else(|| no_such_cursor(id))?;
                    Some((entry.when, entry.id))
                }
            };
            let wanted = LogQuery {
                limit: query.limit + 1,
                ..query.clone()
            };
            let mut entries = repo::log_search(conn, &tree, &wanted, older_than)?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let has_more = entries.len() > limit;
            entries.truncate(limit);
            let next = entries.last().filter(|_| has_more).map(|entry| entry.id);
            Ok((entries, next))
        })
        .await
}

fn no_such_cursor(id: i32) -> Error {
    let text =
        format!("query parameter \"before\" must be the id of an entry of this log, not {id}");
    Error::invalid(text)
}

/// Corrects an entry, what the stack says of it, and what the tree shows of it.
///
/// # Errors
/// `Unauthenticated`, `InvalidInput` for an entry that does not exist (D-25).
pub async fn log_edit(state: &State, caller: &Caller, id: i32, edit: Edit) -> Result<()> {
    caller.require_any(&state.permissions.update)?;
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| {
            let found = repo::log_fetch(conn, id)?.ok_or_else(|| no_such_entry(id))?;
            repo::tree_lock_in_txn(conn, std::slice::from_ref(&found.tree))?;
            if edit.is_empty() {
                return Ok(());
            }
            // The tree may have gone with its log while its lock was waited for.
            let entry = repo::log_fetch(conn, id)?.ok_or_else(|| no_such_entry(id))?;
            let edit = edit.clone().against(&entry.reason)?;
            for mut part in repo::change_parts_of_log_in_txn(conn, &entry)? {
                correct(&mut part.last_state, &edit);
                repo::change_part_update_in_txn(conn, &part)?;
            }
            entry_edit_in_txn(conn, now, &entry, &edit)
        })
        .await
}

/// Returns the error for a log entry that does not exist; clients compare its text.
pub fn no_such_entry(id: impl std::fmt::Display) -> Error {
    Error::invalid(format!("No tree log for id {id} found."))
}

/// Puts a correction into what a part of the stack says about the state after its change. What would
/// be restored stays as it is.
pub(super) fn correct(state: &mut LastState, edit: &Edit) {
    if let Some(reason) = &edit.reason {
        state.current_reason.clone_from(reason);
    }
    if let Some(tags) = &edit.tags {
        state.current_tags.clone_from(tags);
    }
}

/// Corrects an entry of a locked tree. The tree shows the tags of the newest entry, which are read from
/// there; its reason stands in the tree as well. That of the newest entry shows at once. That of an older
/// one shows if it is the newest real one and the tree has shown the newest real one so far: a reason
/// that was cleared, which writes no entry, does not come back.
pub(super) fn entry_edit_in_txn(
    conn: &mut AnyConnection,
    now: NaiveDateTime,
    entry: &LogEntry,
    edit: &Edit,
) -> TxResult<()> {
    let Some(tree) = repo::tree_fetch(conn, &entry.tree)? else {
        return Ok(());
    };
    let logged = repo::log_newest_reason(conn, &entry.tree)?;
    repo::log_edit_in_txn(conn, entry.id, edit)?;
    let shown = if tree.log_id == Some(entry.id) {
        edit.reason.clone()
    } else if logged.is_some_and(|reason| reason == tree.reason) {
        repo::log_newest_reason(conn, &entry.tree)?
    } else {
        None
    };
    if let Some(reason) = shown.filter(|reason| *reason != tree.reason) {
        repo::tree_set_reason_in_txn(conn, &entry.tree, &reason)?;
    }
    tell_named_in_txn(conn, now, Happened::Changed, &entry.tree)
}
