// SPDX-License-Identifier: MPL-2.0
//! Queries on the log.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Timestamp};
use releng_db::AnyConnection;

use super::rows::{LogRow, NewLogRow, tags_to};
use super::schema::logs;
use crate::domain::{Edit, LogEntry, LogQuery, NO_CHANGE};

const SEARCH: &str = "SELECT id, tree, \"when\" AS at, who, status, reason, tags \
    FROM releng_treestatus_log WHERE tree = $1 \
    AND (\"when\", id) < ($2, $3) AND \"when\" >= $4 \
    AND FIND(lower(reason), lower($5)) > 0 AND FIND(who, $6) > 0 \
    ORDER BY \"when\" DESC, id DESC LIMIT $7";

/// Returns a page of the log of a tree, newest first; `older_than` is where it goes on. Cost: the
/// entries that are passed over, by the index on tree and time.
pub(crate) fn log_search(
    conn: &mut AnyConnection,
    tree: &str,
    query: &LogQuery,
    older_than: Option<(NaiveDateTime, i32)>,
) -> QueryResult<Vec<LogEntry>> {
    // Both databases find a text in another one, and neither like the other.
    let find = match conn {
        AnyConnection::Postgres(_) => "strpos",
        AnyConnection::Sqlite(_) => "instr",
    };
    // `until` is excluded: an id below all others stands for the moment itself.
    let (at, id) = match older_than {
        Some((at, id)) if at < query.until => (at, id),
        _ => (query.until, 0),
    };
    let rows: Vec<LogRow> = diesel::sql_query(SEARCH.replace("FIND", find))
        .bind::<Text, _>(tree.to_owned())
        .bind::<Timestamp, _>(at)
        .bind::<Integer, _>(id)
        .bind::<Timestamp, _>(query.since)
        .bind::<Text, _>(query.text.clone())
        .bind::<Text, _>(query.who.clone())
        .bind::<BigInt, _>(query.limit)
        .load(conn)?;
    Ok(rows.into_iter().map(LogEntry::from).collect())
}

/// Returns the newest entry of a tree before a moment that gives it a status. Cost: the entries without
/// one that are passed over.
pub(crate) fn log_last_status(
    conn: &mut AnyConnection,
    tree: &str,
    before: NaiveDateTime,
) -> QueryResult<Option<LogEntry>> {
    let row: Option<LogRow> = logs::table
        .filter(logs::tree.eq(tree))
        .filter(logs::at.lt(before))
        .filter(logs::status.ne(NO_CHANGE))
        .order((logs::at.desc(), logs::id.desc()))
        .select(LogRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(LogEntry::from))
}

const AFTER: &str = "SELECT id, tree, \"when\" AS at, who, status, reason, tags \
    FROM releng_treestatus_log WHERE tree = $1 \
    AND (\"when\", id) > ($2, $3) AND \"when\" < $4 \
    ORDER BY \"when\", id LIMIT $5";

/// Returns the entries of a tree after a place in its log and before a moment, oldest first.
pub(crate) fn log_list_after(
    conn: &mut AnyConnection,
    tree: &str,
    (at, id): (NaiveDateTime, i32),
    until: NaiveDateTime,
    limit: i64,
) -> QueryResult<Vec<LogEntry>> {
    let rows: Vec<LogRow> = diesel::sql_query(AFTER)
        .bind::<Text, _>(tree.to_owned())
        .bind::<Timestamp, _>(at)
        .bind::<Integer, _>(id)
        .bind::<Timestamp, _>(until)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(LogEntry::from).collect())
}

/// Returns one entry.
pub(crate) fn log_fetch(conn: &mut AnyConnection, id: i32) -> QueryResult<Option<LogEntry>> {
    let row: Option<LogRow> = logs::table
        .find(id)
        .select(LogRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(LogEntry::from))
}

/// Returns whether a newer entry of the same tree gives a reason of its own.
pub(crate) fn log_has_newer_reason(
    conn: &mut AnyConnection,
    entry: &LogEntry,
) -> QueryResult<bool> {
    let is_newer = logs::at
        .gt(entry.when)
        .or(logs::at.eq(entry.when).and(logs::id.gt(entry.id)));
    logs::table
        .filter(logs::tree.eq(&entry.tree))
        .filter(logs::reason.ne(NO_CHANGE))
        .filter(is_newer)
        .select(logs::id)
        .first::<i32>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// Replaces the given parts of an entry.
pub(crate) fn log_edit_in_txn(conn: &mut AnyConnection, id: i32, edit: &Edit) -> QueryResult<()> {
    if let Some(reason) = &edit.reason {
        let row = logs::reason.eq(reason);
        diesel::update(logs::table.find(id))
            .set(row)
            .execute(conn)?;
    }
    if let Some(tags) = &edit.tags {
        let row = logs::tags.eq(tags_to(tags));
        diesel::update(logs::table.find(id))
            .set(row)
            .execute(conn)?;
    }
    Ok(())
}

/// Writes an entry for each of the trees, equal but for the tree, and returns their ids by tree.
pub(crate) fn log_insert_all_in_txn(
    conn: &mut AnyConnection,
    trees: &[&str],
    at: NaiveDateTime,
    who: &str,
    (status, reason, tags): (&str, &str, &[String]),
) -> QueryResult<HashMap<String, i32>> {
    let tags = tags_to(tags);
    let row = |tree| NewLogRow {
        tree,
        at,
        who,
        status,
        reason,
        tags: tags.clone(),
    };
    let rows = trees.iter().map(|tree| row(*tree));
    let ids: Vec<(String, i32)> = match conn {
        AnyConnection::Postgres(c) => diesel::insert_into(logs::table)
            .values(rows.collect::<Vec<_>>())
            .returning((logs::tree, logs::id))
            .get_results(c)?,
        AnyConnection::Sqlite(c) => rows
            .map(|row| {
                diesel::insert_into(logs::table)
                    .values(row)
                    .returning((logs::tree, logs::id))
                    .get_result(c)
            })
            .collect::<QueryResult<_>>()?,
    };
    Ok(ids.into_iter().collect())
}

/// Deletes the log of a tree: one made again under the same name starts without.
pub(crate) fn log_delete_in_txn(conn: &mut AnyConnection, tree: &str) -> QueryResult<()> {
    diesel::delete(logs::table.filter(logs::tree.eq(tree)))
        .execute(conn)
        .map(|_| ())
}
