// SPDX-License-Identifier: MPL-2.0
//! Queries on the stack of recent changes.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::rows::{ChangeRow, ChangeTreeRow, NewChangeRow, NewChangeTreeRow};
use super::schema::{change_trees, changes};
use crate::domain::{Change, ChangedTree, LastState};

/// Returns the newest remembered changes with their trees.
pub(crate) fn change_list(conn: &mut AnyConnection, limit: i64) -> QueryResult<Vec<Change>> {
    let rows: Vec<ChangeRow> = changes::table
        .order((changes::at.desc(), changes::id.desc()))
        .limit(limit)
        .select(ChangeRow::as_select())
        .load(conn)?;
    let parts: Vec<ChangeTreeRow> = change_trees::table
        .order((change_trees::tree, change_trees::id))
        .select(ChangeTreeRow::as_select())
        .load(conn)?;
    let mut by_change = HashMap::<i32, Vec<ChangedTree>>::new();
    for part in parts {
        by_change
            .entry(part.stack_id)
            .or_default()
            .push(part.into());
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let trees = by_change.remove(&row.id).unwrap_or_default();
            row.with(trees)
        })
        // One that another request took between the two queries has no trees any more.
        .filter(|change| !change.trees.is_empty())
        .collect())
}

/// Locks one entry and returns it; `None` when another request restored or discarded it first.
pub(crate) fn change_lock_in_txn(conn: &mut AnyConnection, id: i32) -> QueryResult<Option<Change>> {
    let row: Option<ChangeRow> = match conn {
        AnyConnection::Postgres(c) => changes::table
            .find(id)
            .select(ChangeRow::as_select())
            .for_update()
            .first(c)
            .optional()?,
        // The transaction holds SQLite's only write lock already.
        AnyConnection::Sqlite(c) => changes::table
            .find(id)
            .select(ChangeRow::as_select())
            .first(c)
            .optional()?,
    };
    let Some(row) = row else { return Ok(None) };
    let parts: Vec<ChangeTreeRow> = change_trees::table
        .filter(change_trees::stack_id.eq(id))
        .order((change_trees::tree, change_trees::id))
        .select(ChangeTreeRow::as_select())
        .load(conn)?;
    Ok(Some(
        row.with(parts.into_iter().map(ChangedTree::from).collect()),
    ))
}

/// Puts a change on the stack.
pub(crate) fn change_insert_in_txn(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    (who, status, reason): (&str, &str, &str),
    trees: &[(String, LastState)],
) -> QueryResult<()> {
    let id: i32 = diesel::insert_into(changes::table)
        .values(NewChangeRow {
            who,
            reason,
            at,
            status,
        })
        .returning(changes::id)
        .get_result(conn)?;
    for (tree, state) in trees {
        let last_state = serde_json::to_string(state)
            .map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
        diesel::insert_into(change_trees::table)
            .values(NewChangeTreeRow {
                stack_id: id,
                tree,
                last_state,
            })
            .execute(conn)?;
    }
    Ok(())
}

/// Drops an entry with all its parts.
pub(crate) fn change_delete_in_txn(conn: &mut AnyConnection, id: i32) -> QueryResult<()> {
    diesel::delete(change_trees::table.filter(change_trees::stack_id.eq(id))).execute(conn)?;
    diesel::delete(changes::table.find(id))
        .execute(conn)
        .map(|_| ())
}

/// Takes a deleted tree out of all entries, and drops entries that are left without trees.
pub(crate) fn change_forget_tree_in_txn(conn: &mut AnyConnection, tree: &str) -> QueryResult<()> {
    diesel::delete(change_trees::table.filter(change_trees::tree.eq(tree))).execute(conn)?;
    let used = change_trees::table.select(change_trees::stack_id);
    diesel::delete(changes::table.filter(changes::id.ne_all(used)))
        .execute(conn)
        .map(|_| ())
}
