// SPDX-License-Identifier: MPL-2.0
//! Dead letters.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, TxResult};

use super::give_back::wait_or_merge;
use super::row::Dead;
use super::schema::releng_jobs::dsl;
use crate::DeadLetter;
use crate::limits::MAX_LISTED;

pub(super) fn list(
    conn: &mut AnyConnection,
    queue: &str,
    limit: usize,
) -> TxResult<Vec<DeadLetter>> {
    let rows: Vec<Dead> = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::dead_at.is_not_null())
        .order((dsl::dead_at.desc(), dsl::id.desc()))
        .limit(i64::try_from(limit.min(MAX_LISTED)).unwrap_or_default())
        .select(Dead::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

pub(super) fn redrive(
    conn: &mut AnyConnection,
    queue: &str,
    id: i64,
    now: NaiveDateTime,
) -> TxResult<bool> {
    if !is_dead(conn, queue, id)? {
        return Ok(false);
    }
    wait_or_merge(conn, id, |c| {
        diesel::update(dsl::releng_jobs.find(id))
            .set((
                dsl::dead_at.eq(None::<NaiveDateTime>),
                dsl::visible_at.eq(now),
                dsl::attempts.eq(0),
            ))
            .execute(c)
    })?;
    Ok(true)
}

/// Looks for a dead letter and locks it: two operators must not bring it back twice.
fn is_dead(conn: &mut AnyConnection, queue: &str, id: i64) -> QueryResult<bool> {
    let letter = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::id.eq(id))
        .filter(dsl::dead_at.is_not_null())
        .select(dsl::id);
    let found: Option<i64> = match conn {
        AnyConnection::Postgres(c) => letter.for_update().first(c).optional()?,
        AnyConnection::Sqlite(c) => letter.first(c).optional()?,
    };
    Ok(found.is_some())
}

pub(super) fn discard(conn: &mut AnyConnection, queue: &str, id: i64) -> TxResult<bool> {
    let letter = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::id.eq(id))
        .filter(dsl::dead_at.is_not_null());
    Ok(diesel::delete(letter).execute(conn)? > 0)
}
