// SPDX-License-Identifier: MPL-2.0
//! Queries on the stack of recent changes.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Text};
use releng_db::{AnyConnection, on_backend};
use serde_json::Value;

use super::rows::{ChangeRow, ChangeTreeRow, NewChangeRow, NewChangeTreeRow};
use super::schema::{change_trees, changes};
use crate::domain::{Change, ChangedTree, LastState, LogEntry};

/// Returns the newest remembered changes with their trees.
pub(crate) fn change_list(conn: &mut AnyConnection, limit: i64) -> QueryResult<Vec<Change>> {
    let rows: Vec<ChangeRow> = changes::table
        .order((changes::at.desc(), changes::id.desc()))
        .limit(limit)
        .select(ChangeRow::as_select())
        .load(conn)?;
    let Some(oldest) = rows.iter().map(|row| row.id).min() else {
        return Ok(Vec::new());
    };
    let parts: Vec<ChangeTreeRow> = change_trees::table
        .filter(change_trees::stack_id.ge(oldest))
        .order((change_trees::tree, change_trees::id))
        .select(ChangeTreeRow::as_select())
        .load(conn)?;
    let mut by_change = HashMap::<i32, Vec<ChangedTree>>::new();
    for part in parts {
        if let Some(id) = part.stack_id {
            by_change.entry(id).or_default().push(part.into());
        }
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
    let part = |(tree, state)| -> QueryResult<_> {
        Ok(NewChangeTreeRow {
            stack_id: id,
            tree,
            last_state: state_to(state)?,
        })
    };
    let parts = trees.iter().map(|(tree, state)| (tree.as_str(), state));
    let parts: Vec<_> = parts.map(part).collect::<QueryResult<_>>()?;
    on_backend!(conn, c => diesel::insert_into(change_trees::table).values(parts).execute(c))
        .map(|_| ())
}

/// Drops an entry with all its parts.
pub(crate) fn change_delete_in_txn(conn: &mut AnyConnection, id: i32) -> QueryResult<()> {
    diesel::delete(change_trees::table.filter(change_trees::stack_id.eq(id))).execute(conn)?;
    diesel::delete(changes::table.find(id))
        .execute(conn)
        .map(|_| ())
}

/// Returns the parts of the stack that tell of one log entry, with their entries locked in the order of
/// their ids. The caller has locked the tree.
pub(crate) fn change_parts_of_log_in_txn(
    conn: &mut AnyConnection,
    entry: &LogEntry,
) -> QueryResult<Vec<ChangedTree>> {
    let rows = parts_of_tree(conn, &entry.tree)?;
    let is_wanted = |part: &ChangedTree| part.last_state.current_log_id == Some(entry.id);
    let ids: Vec<i32> = rows
        .into_iter()
        .filter_map(|row| row.stack_id.filter(|_| is_wanted(&row.into())))
        .collect();
    if let AnyConnection::Postgres(c) = conn {
        let entries = changes::table
            .filter(changes::id.eq_any(&ids))
            .order(changes::id)
            .select(changes::id);
        entries.for_update().load::<i32>(c)?;
    }
    // Read again: one may have been taken while its lock was waited for.
    let rows = parts_of_tree(conn, &entry.tree)?;
    Ok(rows
        .into_iter()
        .map(ChangedTree::from)
        .filter(is_wanted)
        .collect())
}

fn parts_of_tree(conn: &mut AnyConnection, tree: &str) -> QueryResult<Vec<ChangeTreeRow>> {
    change_trees::table
        .filter(change_trees::tree.eq(tree))
        .order(change_trees::id)
        .select(ChangeTreeRow::as_select())
        .load(conn)
}

/// Stores what a part of an entry remembers.
pub(crate) fn change_part_update_in_txn(
    conn: &mut AnyConnection,
    part: &ChangedTree,
) -> QueryResult<()> {
    diesel::update(change_trees::table.find(part.id))
        .set(change_trees::last_state.eq(state_to(&part.last_state)?))
        .execute(conn)
        .map(|_| ())
}

/// Stores another reason in an entry.
pub(crate) fn change_set_reason_in_txn(
    conn: &mut AnyConnection,
    id: i32,
    reason: &str,
) -> QueryResult<()> {
    diesel::update(changes::table.find(id))
        .set(changes::reason.eq(reason))
        .execute(conn)
        .map(|_| ())
}

fn state_to(state: &LastState) -> QueryResult<String> {
    serde_json::to_string(state).map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))
}

/// Returns the names of the trees of an entry without locking it.
pub(crate) fn change_tree_names(conn: &mut AnyConnection, id: i32) -> QueryResult<Vec<String>> {
    change_trees::table
        .filter(change_trees::stack_id.eq(id))
        .order(change_trees::tree)
        .select(change_trees::tree)
        .load(conn)
}

/// Takes deleted trees, which the caller has locked, out of all entries, and drops the entries that
/// are left without trees. Entries are locked in the order of their ids, after the trees, as everywhere.
pub(crate) fn change_forget_trees_in_txn(
    conn: &mut AnyConnection,
    trees: &[String],
) -> QueryResult<()> {
    let touched: Vec<Option<i32>> = change_trees::table
        .filter(change_trees::tree.eq_any(trees))
        .select(change_trees::stack_id)
        .distinct()
        .load(conn)?;
    let ids: Vec<i32> = touched.into_iter().flatten().collect();
    if let AnyConnection::Postgres(c) = conn {
        let entries = changes::table
            .filter(changes::id.eq_any(&ids))
            .order(changes::id)
            .select(changes::id);
        entries.for_update().load::<i32>(c)?;
    }
    diesel::delete(change_trees::table.filter(change_trees::tree.eq_any(trees))).execute(conn)?;
    delete_empty(conn, &ids)
}

macro_rules! delete_empty {
    ($list:literal) => {
        concat!(
            "DELETE FROM releng_treestatus_changes WHERE id ",
            $list,
            " AND NOT EXISTS (SELECT 1 FROM releng_treestatus_change_trees p \
             WHERE p.stack_id = releng_treestatus_changes.id)"
        )
    };
}

/// Drops those of the entries that have no trees. The ids go as one value: a tree may stand in more
/// entries than a statement of SQLite takes values.
fn delete_empty(conn: &mut AnyConnection, ids: &[i32]) -> QueryResult<()> {
    match conn {
        AnyConnection::Postgres(c) => diesel::sql_query(delete_empty!("= ANY($1)"))
            .bind::<Array<Integer>, _>(ids)
            .execute(c)?,
        AnyConnection::Sqlite(c) => {
            diesel::sql_query(delete_empty!("IN (SELECT value FROM json_each(?))"))
                .bind::<Text, _>(Value::from(ids).to_string())
                .execute(c)?
        }
    };
    Ok(())
}
