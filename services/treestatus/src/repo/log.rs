// SPDX-License-Identifier: MPL-2.0
//! Queries on the log.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamp};
use releng_db::{AnyConnection, on_backend};
use serde_json::Value;

use super::ROWS_AT_ONCE;
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
    pub id: i32,
    pub tree: String,
    pub at: NaiveDateTime,
    pub who: String,
    pub status: String,
    pub reason: String,
    pub tags: Vec<String>,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Integer)]
    id: i32,
}

/// The name is the one that a serial column gives its sequence, should that have lost its owner.
const TAKE: &str = "SELECT nextval(coalesce(pg_get_serial_sequence('releng_treestatus_log', 'id'), \
    'releng_treestatus_log_id_seq'))::int AS id FROM generate_series(1, $1)";

const NEXT: &str = "SELECT CAST(value AS INTEGER) + coalesce(\
    (SELECT seq FROM sqlite_sequence WHERE name = 'releng_treestatus_log'), 0) AS id \
    FROM json_each(?)";

/// Takes ids for entries, in their order. Those of a tree whose lock is held follow those that it has.
pub(crate) fn log_take_ids_in_txn(conn: &mut AnyConnection, count: i64) -> QueryResult<Vec<i32>> {
    let taken: Vec<Taken> = match conn {
        AnyConnection::Postgres(c) => diesel::sql_query(TAKE).bind::<BigInt, _>(count).load(c)?,
        // The write lock is held: nobody else takes these. They count as taken once they are written.
        AnyConnection::Sqlite(c) => {
            let numbers = Value::from_iter(1..=count).to_string();
            diesel::sql_query(NEXT).bind::<Text, _>(numbers).load(c)?
        }
    };
    Ok(taken.into_iter().map(|taken| taken.id).collect())
}

/// Writes entries.
pub(crate) fn log_insert_all_in_txn(
    conn: &mut AnyConnection,
    entries: &[NewEntry],
) -> QueryResult<()> {
    for part in entries.chunks(ROWS_AT_ONCE) {
        let rows = part.iter().map(|entry| NewLogRow {
            id: entry.id,
            tree: &entry.tree,
            at: entry.at,
            who: &entry.who,
            status: &entry.status,
            reason: &entry.reason,
            tags: tags_to(&entry.tags),
        });
        let rows: Vec<_> = rows.collect();
        on_backend!(conn, c => diesel::insert_into(logs::table).values(rows).execute(c))?;
    }
    Ok(())
}

/// Deletes the logs of trees: one made again under the same name starts without.
pub(crate) fn log_delete_all_in_txn(conn: &mut AnyConnection, trees: &[String]) -> QueryResult<()> {
    diesel::delete(logs::table.filter(logs::tree.eq_any(trees)))
        .execute(conn)
        .map(|_| ())
}
