// SPDX-License-Identifier: MPL-2.0
//! Queries on the log.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamp};
use releng_db::AnyConnection;
use serde_json::Value;

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

/// Returns the newest reason in the log of a tree that is one. Cost: the entries without one that are
/// passed over.
pub(crate) fn log_newest_reason(
    conn: &mut AnyConnection,
    tree: &str,
) -> QueryResult<Option<String>> {
    logs::table
        .filter(logs::tree.eq(tree))
        .filter(logs::reason.ne(NO_CHANGE))
        .order((logs::at.desc(), logs::id.desc()))
        .select(logs::reason)
        .first(conn)
        .optional()
}

/// Status and reason in force at a place in a log, as far as the log knows them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RealValues {
    pub status: Option<String>,
    pub reason: Option<String>,
}

#[derive(QueryableByName)]
struct RealRow {
    #[diesel(sql_type = Text)]
    tree: String,
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

macro_rules! real_values {
    ($list:literal) => {
        concat!(
            "SELECT e.tree, e.id, \
             (SELECT n.status FROM releng_treestatus_log n WHERE n.tree = e.tree \
             AND (n.\"when\", n.id) <= (e.\"when\", e.id) \
             AND n.status IN ('open', 'closed', 'approval required') \
             ORDER BY n.\"when\" DESC, n.id DESC LIMIT 1) AS status, \
             (SELECT n.reason FROM releng_treestatus_log n WHERE n.tree = e.tree \
             AND (n.\"when\", n.id) <= (e.\"when\", e.id) AND n.reason <> 'no change' \
             ORDER BY n.\"when\" DESC, n.id DESC LIMIT 1) AS reason \
             FROM releng_treestatus_log e WHERE e.id ",
            $list
        )
    };
}

/// Returns, by tree and entry, what was in force when these entries were the newest of their trees.
pub(crate) fn log_real_values(
    conn: &mut AnyConnection,
    ids: &[i32],
) -> QueryResult<HashMap<(String, i32), RealValues>> {
    let rows: Vec<RealRow> = match conn {
        AnyConnection::Postgres(c) => diesel::sql_query(real_values!("= ANY($1)"))
            .bind::<Array<Integer>, _>(ids)
            .load(c)?,
        AnyConnection::Sqlite(c) => {
            diesel::sql_query(real_values!("IN (SELECT value FROM json_each(?))"))
                .bind::<Text, _>(Value::from(ids).to_string())
                .load(c)?
        }
    };
    let real = |row: RealRow| {
        let (status, reason) = (row.status, row.reason);
        ((row.tree, row.id), RealValues { status, reason })
    };
    Ok(rows.into_iter().map(real).collect())
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

/// An entry to be written.
pub(crate) struct NewEntry {
    pub tree: String,
    pub at: NaiveDateTime,
    pub status: String,
    pub reason: String,
    pub tags: Vec<String>,
}

/// Writes entries of different trees by one author and returns their ids by tree.
pub(crate) fn log_insert_all_in_txn(
    conn: &mut AnyConnection,
    who: &str,
    entries: &[NewEntry],
) -> QueryResult<HashMap<String, i32>> {
    if entries.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = entries.iter().map(|entry| NewLogRow {
        tree: &entry.tree,
        at: entry.at,
        who,
        status: &entry.status,
        reason: &entry.reason,
        tags: tags_to(&entry.tags),
    });
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

/// Deletes the logs of trees: one made again under the same name starts without.
pub(crate) fn log_delete_all_in_txn(conn: &mut AnyConnection, trees: &[String]) -> QueryResult<()> {
    diesel::delete(logs::table.filter(logs::tree.eq_any(trees)))
        .execute(conn)
        .map(|_| ())
}
