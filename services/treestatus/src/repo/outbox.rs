// SPDX-License-Identifier: MPL-2.0
//! Queries on the messages to others, and on who sends them.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use releng_db::{AnyConnection, on_backend};

use super::ROWS_AT_ONCE;
use super::schema::{outbox, senders};
use crate::domain::{Backlog, Ending, Message, NewMessage, Target};

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct MessageRow {
    id: i64,
    tree: String,
    message_id: String,
    at: NaiveDateTime,
    body: String,
    attempts: i32,
    is_reported: bool,
    next_at: Option<NaiveDateTime>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            tree: row.tree,
            message_id: row.message_id,
            at: row.at,
            body: row.body,
            attempts: row.attempts,
            is_reported: row.is_reported,
            next_at: row.next_at,
        }
    }
}

/// Keeps messages in the transaction of their change, in their order.
pub(crate) fn outbox_insert_all_in_txn(
    conn: &mut AnyConnection,
    messages: &[NewMessage],
) -> QueryResult<()> {
    let row = |message: &NewMessage| {
        (
            outbox::target.eq(message.target.as_str()),
            outbox::tree.eq(message.tree.clone()),
            outbox::message_id.eq(message.message_id.clone()),
            outbox::at.eq(message.at),
            outbox::body.eq(message.body.clone()),
        )
    };
    for part in messages.chunks(ROWS_AT_ONCE) {
        let rows: Vec<_> = part.iter().map(row).collect();
        on_backend!(conn, c => diesel::insert_into(outbox::table).values(rows).execute(c))?;
    }
    Ok(())
}

/// Returns the oldest messages that wait, in their order.
pub(crate) fn outbox_waiting(
    conn: &mut AnyConnection,
    target: Target,
    limit: i64,
) -> QueryResult<Vec<Message>> {
    let rows: Vec<MessageRow> = outbox::table
        .filter(outbox::target.eq(target.as_str()))
        .filter(outbox::ended_at.is_null())
        .order(outbox::id)
        .limit(limit)
        .select(MessageRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Message::from).collect())
}

/// Returns how many messages wait, and since when.
pub(crate) fn outbox_backlog(conn: &mut AnyConnection, target: Target) -> QueryResult<Backlog> {
    let waiting = outbox::table
        .filter(outbox::target.eq(target.as_str()))
        .filter(outbox::ended_at.is_null());
    let (count, oldest) = waiting
        .select((diesel::dsl::count_star(), diesel::dsl::min(outbox::at)))
        .first(conn)?;
    Ok(Backlog { count, oldest })
}

/// Notes that an attempt begins, and when the next one may.
pub(crate) fn outbox_attempt_in_txn(
    conn: &mut AnyConnection,
    id: i64,
    next_at: NaiveDateTime,
) -> QueryResult<()> {
    diesel::update(outbox::table.find(id))
        .set((
            outbox::attempts.eq(outbox::attempts + 1),
            outbox::next_at.eq(next_at),
        ))
        .execute(conn)
        .map(|_| ())
}

/// Notes when a message that failed is tried again, and whether a mail about that is ordered.
pub(crate) fn outbox_postpone_in_txn(
    conn: &mut AnyConnection,
    id: i64,
    next_at: NaiveDateTime,
    is_reported: bool,
) -> QueryResult<()> {
    diesel::update(outbox::table.find(id))
        .set(outbox::next_at.eq(next_at))
        .execute(conn)?;
    if is_reported {
        diesel::update(outbox::table.find(id))
            .set(outbox::is_reported.eq(true))
            .execute(conn)?;
    }
    Ok(())
}

/// Ends messages.
pub(crate) fn outbox_end_in_txn(
    conn: &mut AnyConnection,
    ids: &[i64],
    now: NaiveDateTime,
    ending: Ending,
) -> QueryResult<()> {
    diesel::update(outbox::table.filter(outbox::id.eq_any(ids)))
        .set((
            outbox::ended_at.eq(now),
            outbox::outcome.eq(ending.as_str()),
        ))
        .execute(conn)
        .map(|_| ())
}

/// Removes messages that ended before a moment, and those of targets that are off and were written
/// before it; returns how many of each.
pub(crate) fn outbox_prune_in_txn(
    conn: &mut AnyConnection,
    before: NaiveDateTime,
    off: &[Target],
) -> QueryResult<(usize, usize)> {
    let ended = diesel::delete(outbox::table.filter(outbox::ended_at.lt(before))).execute(conn)?;
    let names: Vec<&str> = off.iter().map(|target| target.as_str()).collect();
    let abandoned = outbox::table
        .filter(outbox::ended_at.is_null())
        .filter(outbox::target.eq_any(names))
        .filter(outbox::at.lt(before));
    Ok((ended, diesel::delete(abandoned).execute(conn)?))
}

/// The clock of the database in milliseconds: those of two machines may differ.
fn now_ms(conn: &AnyConnection) -> &'static str {
    match conn {
        AnyConnection::Postgres(_) => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        AnyConnection::Sqlite(_) => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    }
}

#[derive(QueryableByName)]
struct Until {
    #[diesel(sql_type = BigInt)]
    left_ms: i64,
}

/// Returns for how many milliseconds somebody else still sends; 0: nobody does.
pub(crate) fn sender_other(
    conn: &mut AnyConnection,
    target: Target,
    holder: &str,
) -> QueryResult<i64> {
    let sql = format!(
        "SELECT until_ms - {} AS left_ms FROM releng_treestatus_senders WHERE target = $1 AND holder <> $2",
        now_ms(conn)
    );
    let until: Option<Until> = diesel::sql_query(sql)
        .bind::<Text, _>(target.as_str())
        .bind::<Text, _>(holder)
        .get_result(conn)
        .optional()?;
    Ok(until.map_or(0, |until| until.left_ms.max(0)))
}

/// Makes `holder` the one who sends for so long, unless another one is; returns whether it is.
pub(crate) fn sender_take_in_txn(
    conn: &mut AnyConnection,
    target: Target,
    holder: &str,
    lease_ms: i64,
) -> QueryResult<bool> {
    let now = now_ms(conn);
    let sql = format!(
        "INSERT INTO releng_treestatus_senders (target, holder, until_ms) VALUES ($1, $2, {now} + $3) \
         ON CONFLICT (target) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms \
         WHERE releng_treestatus_senders.holder = excluded.holder \
         OR releng_treestatus_senders.until_ms <= {now}"
    );
    diesel::sql_query(sql)
        .bind::<Text, _>(target.as_str())
        .bind::<Text, _>(holder)
        .bind::<BigInt, _>(lease_ms)
        .execute(conn)
        .map(|rows| rows > 0)
}

/// Lets others send.
pub(crate) fn sender_leave_in_txn(
    conn: &mut AnyConnection,
    target: Target,
    holder: &str,
) -> QueryResult<()> {
    let ours = senders::table
        .filter(senders::target.eq(target.as_str()))
        .filter(senders::holder.eq(holder));
    diesel::update(ours)
        .set(senders::until_ms.eq(0))
        .execute(conn)
        .map(|_| ())
}
