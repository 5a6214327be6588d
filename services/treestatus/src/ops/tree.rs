// SPDX-License-Identifier: MPL-2.0
//! Making, changing and deleting trees.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use releng_common::auth::Caller;
use releng_common::http::shape::python_text;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, Failure, TxResult};
use releng_events::Event;
use serde_json::json;

use super::NO_SUCH_TREE;
use super::apply::{Applied, Step, changes_of, record_in_txn};
use super::feed::{tell_deleted_in_txn, tell_named_in_txn};
use super::outbox;
use crate::domain::{
    Happened, LastState, NewTree, StatusChange, TREES_LIMIT, Tree, Update, no_trees, too_many,
};
use crate::{State, repo};

/// Makes a tree. No log entry is written.
///
/// # Errors
/// `Unauthenticated`, `InvalidInput` when the name is taken.
pub async fn tree_create(state: &State, caller: &Caller, tree: NewTree) -> Result<()> {
    caller.require_any(&state.permissions.create)?;
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| {
            if repo::tree_exists(conn, tree.name.as_str())? {
                return Err(Error::invalid("tree already exists").into());
            }
            match repo::tree_insert_in_txn(conn, &tree).map_err(Failure::from) {
                // Another request made it since we looked.
                Err(failure) if failure.is_unique_violation() => {
                    Err(Error::invalid("tree already exists").into())
                }
                result => {
                    result?;
                    tell_named_in_txn(conn, now, Happened::Created, tree.name.as_str())
                }
            }
        })
        .await
}

/// Deletes trees with their logs and their parts of the stack, all or nothing, unless one of them has
/// changed since `condition`, as in [`tree_update`].
///
/// # Errors
/// `Unauthenticated`, `NotFound` when one of them does not exist.
pub async fn tree_delete(
    state: &State,
    caller: &Caller,
    mut names: Vec<String>,
    condition: BTreeMap<String, i64>,
) -> Result<Outcome> {
    caller.require_any(&state.permissions.delete)?;
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(no_trees());
    }
    if names.len() > TREES_LIMIT {
        return Err(too_many());
    }
    let now = state.clock.now().naive_utc();
    let outdated = state
        .db
        .write(move |conn| {
            if repo::tree_lock_in_txn(conn, &names)? != names {
                return Err(Error::not_found(NO_SUCH_TREE).into());
            }
            let outdated = outdated_in_txn(conn, &condition)?;
            if outdated.is_empty() {
                repo::change_forget_trees_in_txn(conn, &names)?;
                repo::log_delete_all_in_txn(conn, &names)?;
                repo::tree_delete_all_in_txn(conn, &names)?;
                tell_deleted_in_txn(conn, now, &names)?;
            }
            Ok(outdated)
        })
        .await?;
    Ok(Outcome::of(outdated))
}

/// What became of a change with conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Nothing was done, because these trees have changed; this is their state now.
    Outdated(Vec<Tree>),
}

impl Outcome {
    fn of(outdated: Vec<Tree>) -> Self {
        if outdated.is_empty() {
            Self::Done
        } else {
            Self::Outdated(outdated)
        }
    }
}

/// Changes trees, all or nothing, and tells others what really changed. `condition` holds the newest
/// log entry that the caller has seen of some of the trees, 0 for none.
///
/// # Errors
/// `Unauthenticated`, `NotFound` that names the missing trees.
pub async fn tree_update(
    state: &State,
    caller: &Caller,
    update: Update,
    condition: BTreeMap<String, i64>,
) -> Result<Outcome> {
    let who = caller.require_any(&state.permissions.update)?.to_owned();
    let clock = state.clock.clone();
    let notices = Arc::clone(&state.settings.notices);
    let (changed, outdated) = state
        .db
        .write(move |conn| {
            let names: Vec<String> = update.trees.iter().cloned().collect();
            let found = repo::tree_lock_in_txn(conn, &names)?;
            // Under the locks: who waited for them must not write of the time before.
            let now = clock.now().naive_utc();
            if found != names {
                return Err(missing(&names, &found).into());
            }
            update.check_completeness()?;
            let outdated = outdated_in_txn(conn, &condition)?;
            if !outdated.is_empty() {
                return Ok((Vec::new(), outdated));
            }
            let changed = update_in_txn(conn, &who, now, &update)?;
            outbox::tell_in_txn(conn, &notices, now, &changed)?;
            Ok((changed, Vec::new()))
        })
        .await?;
    publish(state, &changed).await;
    Ok(Outcome::of(outdated))
}

/// Returns the trees of a condition, locked by the caller, that have changed.
fn outdated_in_txn(
    conn: &mut AnyConnection,
    condition: &BTreeMap<String, i64>,
) -> TxResult<Vec<Tree>> {
    if condition.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = condition.keys().cloned().collect();
    let trees = repo::tree_fetch_all(conn, &names)?.into_iter();
    let is_outdated =
        |tree: &Tree| condition.get(&tree.tree) != Some(&tree.log_id.unwrap_or(0).into());
    Ok(trees.map(|(tree, _)| tree).filter(is_outdated).collect())
}

/// Applies an update to trees that the caller has locked; returns the changes of status.
fn update_in_txn(
    conn: &mut AnyConnection,
    who: &str,
    now: NaiveDateTime,
    update: &Update,
) -> TxResult<Vec<StatusChange>> {
    let names: Vec<String> = update.trees.iter().cloned().collect();
    let found = repo::tree_fetch_all(conn, &names)?.into_iter();
    let steps = found.map(|(before, newest_at)| Step::of(update, before, newest_at, now));
    let steps: Vec<Step> = steps.collect();
    repo::tree_update_in_txn(conn, update)?;
    let applied = record_in_txn(conn, who, now, steps)?;
    if update.remember {
        let status = update.status.map(|s| s.as_str()).unwrap_or_default();
        let reason = update.reason.as_deref().unwrap_or_default();
        // Not before the entries that it would undo: newest first, as they are undone.
        let at = applied.iter().map(|a| a.at).fold(now, Ord::max);
        let part = |a: &Applied| (a.before.tree.clone(), last_state(&a.before, &a.after));
        let remembered: Vec<_> = applied.iter().map(part).collect();
        repo::change_insert_in_txn(conn, at, (who, status, reason), &remembered)?;
    }
    Ok(changes_of(&applied))
}

fn last_state(before: &Tree, after: &Tree) -> LastState {
    LastState {
        status: before.status.clone(),
        reason: before.reason.clone(),
        tags: before.tags.clone(),
        log_id: before.log_id,
        current_status: after.status.clone(),
        current_reason: after.reason.clone(),
        current_tags: after.tags.clone(),
        current_log_id: after.log_id,
    }
}

/// Tells the log after the commit, where no broker hears of it. Trouble never changes the answer
/// (treestatus.md §5).
pub(super) async fn publish(state: &State, changed: &[StatusChange]) {
    if state.pulse.is_some() {
        return;
    }
    for change in changed {
        let name = &change.tree.tree;
        let event = Event {
            exchange: state.settings.notices.own.pulse_exchange.clone(),
            routing_key: format!("tree/{name}/status_change"),
            payload: json!(change),
            message_id: change.message_id(),
            at: state.clock.now(),
        };
        if let Err(error) = state.publisher.publish(&event).await {
            tracing::warn!(
                tree.name = name,
                error = error.chain(),
                "change not published"
            );
        }
    }
}

/// Prints the missing names as Python prints a set, sorted.
fn missing(names: &[String], found: &[String]) -> Error {
    let list: Vec<String> = names
        .iter()
        .filter(|n| !found.contains(n))
        .map(|n| python_text(n))
        .collect();
    Error::not_found(format!(
        "Could not fetch the following trees: {{{}}}",
        list.join(", ")
    ))
}
