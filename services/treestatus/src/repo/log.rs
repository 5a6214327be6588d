// SPDX-License-Identifier: MPL-2.0
//! Queries on the log.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::rows::{LogRow, NewLogRow, tags_to};
use super::schema::logs;
use crate::domain::LogEntry;

/// Returns the newest entries of a tree; ties of time go by id, so the order is total.
pub(crate) fn log_list(
    conn: &mut AnyConnection,
    tree: &str,
    limit: i64,
) -> QueryResult<Vec<LogEntry>> {
    let rows: Vec<LogRow> = logs::table
        .filter(logs::tree.eq(tree))
        .order((logs::at.desc(), logs::id.desc()))
        .limit(limit)
        .select(LogRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(LogEntry::from).collect())
}

/// Returns the newest entry of a tree.
pub(crate) fn log_newest(conn: &mut AnyConnection, tree: &str) -> QueryResult<Option<LogEntry>> {
    log_list(conn, tree, 1).map(|list| list.into_iter().next())
}

/// Writes an entry and returns its id.
pub(crate) fn log_insert_in_txn(
    conn: &mut AnyConnection,
    tree: &str,
    at: NaiveDateTime,
    who: &str,
    (status, reason, tags): (&str, &str, &[String]),
) -> QueryResult<i32> {
    let row = NewLogRow {
        tree,
        at,
        who,
        status,
        reason,
        tags: tags_to(tags),
    };
    diesel::insert_into(logs::table)
        .values(row)
        .returning(logs::id)
        .get_result(conn)
}

/// Deletes the log of a tree: one made again under the same name starts without.
pub(crate) fn log_delete_in_txn(conn: &mut AnyConnection, tree: &str) -> QueryResult<()> {
    diesel::delete(logs::table.filter(logs::tree.eq(tree)))
        .execute(conn)
        .map(|_| ())
}
