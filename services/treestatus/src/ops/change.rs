// SPDX-License-Identifier: MPL-2.0
//! The stack of remembered changes: edit, restore, discard.

use std::collections::BTreeSet;
use std::sync::Arc;

use releng_common::auth::Caller;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use super::NO_SUCH_CHANGE;
use super::log::{correct, entry_edit_in_txn};
use super::outbox::tell_in_txn;
use super::tree::{publish, update_in_txn};
use crate::domain::{Change, Edit, Status, StatusChange, Update};
use crate::{State, repo};

/// Forgets a change. Of several requests for one change exactly one wins.
///
/// # Errors
/// `Unauthenticated`, `NotFound`.
pub async fn change_discard(state: &State, caller: &Caller, id: i32) -> Result<()> {
    caller.require_any(&state.permissions.revert)?;
    state
        .db
        .write(move |conn| take_in_txn(conn, id).map(|_| ()))
        .await
}

/// Gives every tree of a change the state back that it had before, as an ordinary update by the
/// caller, and drops the change. Trees that no longer exist are skipped.
///
/// # Errors
/// `Unauthenticated`, `NotFound`.
pub async fn change_restore(state: &State, caller: &Caller, id: i32) -> Result<()> {
    let who = caller.require_any(&state.permissions.revert)?.to_owned();
    let now = state.clock.now().naive_utc();
    let notices = Arc::clone(&state.settings.notices);
    let changed = state
        .db
        .write(move |conn| {
            // Everybody locks trees first and entries of the stack after them; what the entry holds is
            // read again under its lock.
            let names = repo::change_tree_names(conn, id)?;
            let existing = repo::tree_lock_in_txn(conn, &names)?;
            let change = take_in_txn(conn, id)?;
            let mut changed: Vec<StatusChange> = Vec::new();
            for part in change.trees.iter().filter(|t| existing.contains(&t.tree)) {
                let update = Update {
                    trees: BTreeSet::from([part.tree.clone()]),
                    // Rows of older services may hold words that are no status: closed is the safe reading.
                    status: Some(Status::parse(&part.last_state.status).unwrap_or(Status::Closed)),
                    reason: Some(part.last_state.reason.clone()),
                    message_of_the_day: None,
                    tags: Some(part.last_state.tags.clone()),
                    category: None,
                    remember: false,
                };
                changed.extend(update_in_txn(conn, &who, now, &update)?);
            }
            tell_in_txn(conn, &notices, now, &changed)?;
            Ok(changed)
        })
        .await?;
    publish(state, &changed).await;
    Ok(())
}

/// Corrects reason and tags of a change and of the log entries that it wrote. The state that a restore
/// leads back to never changes.
///
/// # Errors
/// `Unauthenticated`, `NotFound`.
pub async fn change_edit(state: &State, caller: &Caller, id: i32, edit: Edit) -> Result<()> {
    caller.require_any(&state.permissions.revert)?;
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| {
            let names = repo::change_tree_names(conn, id)?;
            let existing = repo::tree_lock_in_txn(conn, &names)?;
            let change = repo::change_lock_in_txn(conn, id)?
                .ok_or_else(|| Error::not_found(NO_SUCH_CHANGE))?;
            for mut part in change.trees {
                correct(&mut part.last_state, &edit);
                repo::change_part_update_in_txn(conn, &part)?;
                let written = part.last_state.current_log_id;
                if let Some(log_id) = written.filter(|_| existing.contains(&part.tree))
                    && let Some(entry) = repo::log_fetch(conn, log_id)?
                {
                    entry_edit_in_txn(conn, now, &entry, &edit)?;
                }
            }
            if let Some(reason) = &edit.reason {
                repo::change_set_reason_in_txn(conn, id, reason)?;
            }
            Ok(())
        })
        .await
}

/// Takes a change off the stack.
fn take_in_txn(conn: &mut AnyConnection, id: i32) -> TxResult<Change> {
    let change =
        repo::change_lock_in_txn(conn, id)?.ok_or_else(|| Error::not_found(NO_SUCH_CHANGE))?;
    repo::change_delete_in_txn(conn, id)?;
    Ok(change)
}
