// SPDX-License-Identifier: MPL-2.0
//! The stack of remembered changes: edit, restore, discard.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDateTime;
use releng_common::auth::Caller;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use super::NO_SUCH_CHANGE;
use super::apply::{Records, Step, changes_of};
use super::log::{correct, entry_edit_in_txn};
use super::update::publish;
use crate::State;
use crate::domain::{
    Change, ChangedTree, Edit, LastState, NO_CHANGE, Status, StatusChange, Update,
};
use crate::repo::{self, RealValues};
use crate::settings::Notices;

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
    let clock = state.clock.clone();
    let notices = Arc::clone(&state.settings.notices);
    let changed = state
        .db
        .write(move |conn| {
            // Everybody locks trees first and entries of the stack after them; what the entry holds is
            // read again under its lock.
            let names = repo::change_tree_names(conn, id)?;
            repo::tree_lock_in_txn(conn, &names)?;
            let change = take_in_txn(conn, id)?;
            let now = clock.now().naive_utc();
            restore_in_txn(conn, &notices, (&who, now), change.trees)
        })
        .await?;
    publish(state, &changed).await;
    Ok(())
}

/// Applies to locked trees what is remembered of them.
fn restore_in_txn(
    conn: &mut AnyConnection,
    notices: &Notices,
    (who, now): (&str, NaiveDateTime),
    parts: Vec<ChangedTree>,
) -> TxResult<Vec<StatusChange>> {
    let real = real_in_txn(conn, &parts)?;
    let parts: BTreeMap<String, ChangedTree> =
        parts.into_iter().map(|p| (p.tree.clone(), p)).collect();
    let names: Vec<String> = parts.keys().cloned().collect();
    let found = repo::tree_fetch_all(conn, &names)?.into_iter();
    let steps = found.filter_map(|(before, newest_at)| {
        let update = undoing(parts.get(&before.tree)?, &real);
        Some(Step::of(&update, before, newest_at, now))
    });
    let steps: Vec<Step> = steps.collect();
    repo::tree_set_all_in_txn(conn, steps.iter().map(Step::after))?;
    let entries = steps.iter().filter(|step| step.has_entry()).count();
    let mut records = Records::begin_in_txn(conn, entries)?;
    let applied = records.note(notices, (who, now), steps)?;
    records.write_in_txn(conn)?;
    Ok(changes_of(&applied))
}

/// Real values of places in logs, by tree and entry.
type Real = HashMap<(String, i32), RealValues>;

/// Returns what was in force where a part remembers the placeholder: the Python service of 2019 to 2024
/// took status and reason of the newest log entry for those of the tree.
fn real_in_txn(conn: &mut AnyConnection, parts: &[ChangedTree]) -> TxResult<Real> {
    let states = parts.iter().map(|part| &part.last_state);
    let is_unreal =
        |state: &&LastState| Status::parse(&state.status).is_err() || state.reason == NO_CHANGE;
    let ids: Vec<i32> = states.filter(is_unreal).filter_map(|s| s.log_id).collect();
    if ids.is_empty() {
        return Ok(Real::new());
    }
    Ok(repo::log_real_values(conn, &ids)?)
}

/// Returns the update that leads back to what a part remembers.
fn undoing(part: &ChangedTree, real: &Real) -> Update {
    let state = &part.last_state;
    let place = state.log_id.map(|id| (part.tree.clone(), id));
    let real = place.and_then(|place| real.get(&place));
    let logged = real.and_then(|real| real.status.as_deref());
    // Where nobody knows, closed is the safe reading.
    let status = [Some(&*state.status), logged].into_iter().flatten();
    let mut status = status.filter_map(|text| Status::parse(text).ok());
    let logged = real.and_then(|real| real.reason.clone());
    let reason = match &*state.reason {
        NO_CHANGE => logged.unwrap_or_default(),
        reason => reason.to_owned(),
    };
    Update {
        trees: BTreeSet::from([part.tree.clone()]),
        status: Some(status.next().unwrap_or(Status::Closed)),
        reason: Some(reason),
        message_of_the_day: None,
        tags: Some(state.tags.clone()),
        category: None,
        remember: false,
    }
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
            let edit = edit.clone().against(&change.reason)?;
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
