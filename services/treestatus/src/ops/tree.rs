// SPDX-License-Identifier: MPL-2.0
//! Making and deleting trees.

use releng_common::auth::Caller;
use releng_common::{Error, Result};
use releng_db::Failure;

use super::NO_SUCH_TREE;
use super::feed::{tell_deleted_in_txn, tell_named_in_txn};
use crate::domain::{
    Condition, Happened, NewTree, Outcome, TREES_LIMIT, no_trees, outdated, too_many,
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
/// changed since `condition`, as in [`super::tree_update`].
///
/// # Errors
/// `Unauthenticated`, `NotFound` when one of them does not exist.
pub async fn tree_delete(
    state: &State,
    caller: &Caller,
    mut names: Vec<String>,
    condition: Condition,
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
            let trees = repo::tree_fetch_all(conn, &names)?;
            let outdated = outdated(trees.iter().map(|(tree, _)| tree), &condition);
            if outdated.is_empty() {
                repo::change_forget_trees_in_txn(conn, &names)?;
                repo::log_delete_all_in_txn(conn, &names)?;
                repo::tree_delete_all_in_txn(conn, &names)?;
                tell_deleted_in_txn(conn, now, &names)?;
            }
            Ok(outdated)
        })
        .await?;
    Ok(if outdated.is_empty() {
        Outcome::Done(Vec::new())
    } else {
        Outcome::Outdated(outdated)
    })
}
