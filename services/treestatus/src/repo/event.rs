// SPDX-License-Identifier: MPL-2.0
//! Queries on the events of the change feed.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamp};
use releng_db::{AnyConnection, on_backend};

use super::ROWS_AT_ONCE;
use super::schema::events;
use crate::domain::{Cursor, FeedEvent};

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    tx: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    body: String,
}

impl From<EventRow> for FeedEvent {
    fn from(row: EventRow) -> Self {
        Self {
            cursor: Cursor {
                tx: row.tx,
                id: row.id,
            },
            body: row.body,
        }
    }
}

/// An event to be written: what happened to a tree, and when.
pub(crate) struct NewEvent {
    pub at: NaiveDateTime,
    pub tree: String,
    pub body: String,
}

/// Writes events in the transaction of the change, in their order.
pub(crate) fn event_insert_all_in_txn(
    conn: &mut AnyConnection,
    told: &[NewEvent],
) -> QueryResult<()> {
    let row = |event: &NewEvent| {
        (
            events::at.eq(event.at),
            events::tree.eq(event.tree.clone()),
            events::body.eq(event.body.clone()),
        )
    };
    for part in told.chunks(ROWS_AT_ONCE) {
        let rows: Vec<_> = part.iter().map(row).collect();
        on_backend!(conn, c => diesel::insert_into(events::table).values(rows).execute(c))?;
    }
    Ok(())
}

/// Rows before which no other can appear any more.
const SETTLED: &str = "tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

/// Rows before which no later change of the same tree stands. A transaction gets its number with its
/// first lock and may wait for others after that, so the order of transactions is not that of the changes
/// of one tree; ids are, as they are given under the lock of the tree. Without this the last word on a
/// tree could be an old state.
const IN_ORDER: &str = "NOT EXISTS (SELECT 1 FROM releng_treestatus_events later \
    WHERE later.tree = e.tree AND later.id > e.id AND later.tx < e.tx)";

/// Rows of this cluster. A dump that was restored into another one brings rows with it whose transactions
/// that one will only come to: they are told to nobody, and nobody may wait for them.
const OF_THE_PAST: &str = "e.tx < pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

/// Returns the next events in their order, which for each tree is that of its changes.
pub(crate) fn event_list_after(
    conn: &mut AnyConnection,
    cursor: Cursor,
    limit: i64,
) -> QueryResult<Vec<FeedEvent>> {
    let (settled, in_order) = match conn {
        AnyConnection::Postgres(_) => (SETTLED, IN_ORDER),
        AnyConnection::Sqlite(_) => ("TRUE", "TRUE"),
    };
    let sql = format!(
        "SELECT tx, id, body FROM releng_treestatus_events e \
         WHERE (tx, id) > ($1, $2) AND {settled} AND {in_order} ORDER BY tx, id LIMIT $3"
    );
    let rows: Vec<EventRow> = diesel::sql_query(sql)
        .bind::<BigInt, _>(cursor.tx)
        .bind::<BigInt, _>(cursor.id)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(FeedEvent::from).collect())
}

/// Returns the place of the newest event that is told.
pub(crate) fn event_newest(conn: &mut AnyConnection) -> QueryResult<Cursor> {
    let condition = match conn {
        AnyConnection::Postgres(_) => format!("{OF_THE_PAST} AND {IN_ORDER}"),
        AnyConnection::Sqlite(_) => "TRUE".to_owned(),
    };
    newest_where(conn, &condition)
}

/// Returns the place of the newest event before which no other can appear any more: who begins to listen
/// there misses nothing.
pub(crate) fn event_newest_settled(conn: &mut AnyConnection) -> QueryResult<Cursor> {
    let condition = match conn {
        AnyConnection::Postgres(_) => SETTLED,
        AnyConnection::Sqlite(_) => "TRUE",
    };
    newest_where(conn, condition)
}

fn newest_where(conn: &mut AnyConnection, condition: &str) -> QueryResult<Cursor> {
    let sql = format!(
        "SELECT tx, id, body FROM releng_treestatus_events e \
         WHERE {condition} ORDER BY tx DESC, id DESC LIMIT 1"
    );
    let row: Option<EventRow> = diesel::sql_query(sql).get_result(conn).optional()?;
    Ok(row
        .map(|row| FeedEvent::from(row).cursor)
        .unwrap_or_default())
}

/// Returns whether an event is still there.
pub(crate) fn event_exists(conn: &mut AnyConnection, cursor: Cursor) -> QueryResult<bool> {
    events::table
        .find(cursor.id)
        .filter(events::tx.eq(cursor.tx))
        .select(events::id)
        .first::<i64>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// Returns whether nothing is missing after the place before all events: the first one is there.
pub(crate) fn event_first_exists(conn: &mut AnyConnection) -> QueryResult<bool> {
    let first: Option<i64> = events::table
        .find(1)
        .select(events::id)
        .first(conn)
        .optional()?;
    Ok(first.is_some())
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Bool)]
    is_so: bool,
}

/// Returns whether a place is one that this database has not come to: it was told by another cluster.
pub(crate) fn event_is_of_the_future(
    conn: &mut AnyConnection,
    cursor: Cursor,
) -> QueryResult<bool> {
    match conn {
        AnyConnection::Postgres(c) => {
            let sql = "SELECT $1 >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS is_so";
            let query = diesel::sql_query(sql).bind::<BigInt, _>(cursor.tx);
            Ok(query.get_result::<Verdict>(c)?.is_so)
        }
        AnyConnection::Sqlite(_) => Ok(false),
    }
}

/// Removes events from before a moment, but for the newest one: it tells a feed that was pruned from one
/// in which nothing has happened yet.
pub(crate) fn event_prune_in_txn(
    conn: &mut AnyConnection,
    before: NaiveDateTime,
) -> QueryResult<usize> {
    let sql = "DELETE FROM releng_treestatus_events WHERE at < $1 \
        AND id < (SELECT max(id) FROM releng_treestatus_events)";
    diesel::sql_query(sql)
        .bind::<Timestamp, _>(before)
        .execute(conn)
}
