// SPDX-License-Identifier: MPL-2.0
//! What the holder of a receipt may do with its message.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use releng_db::{AnyConnection, TxResult};

use super::schema::releng_jobs::dsl;
use crate::{Fate, Receipt};

/// What to note about a failed attempt.
pub(super) struct Failed {
    pub error: String,
    pub now: NaiveDateTime,
    /// When the message becomes visible if it is not dead.
    pub from: NaiveDateTime,
    pub max_attempts: i32,
}

pub(super) fn delete(conn: &mut AnyConnection, queue: &str, receipt: &Receipt) -> TxResult<bool> {
    let held = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::receipt.eq(receipt.as_str()));
    Ok(diesel::delete(held).execute(conn)? > 0)
}

pub(super) fn extend(
    conn: &mut AnyConnection,
    queue: &str,
    receipt: &Receipt,
    until: NaiveDateTime,
) -> TxResult<bool> {
    let held = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::receipt.eq(receipt.as_str()));
    Ok(diesel::update(held)
        .set(dsl::visible_at.eq(until))
        .execute(conn)?
        > 0)
}

pub(super) fn release(
    conn: &mut AnyConnection,
    queue: &str,
    receipt: &Receipt,
    from: NaiveDateTime,
) -> TxResult<bool> {
    let Some((id, attempts)) = held(conn, queue, receipt)? else {
        return Ok(false);
    };
    wait_or_merge(conn, id, |c| {
        diesel::update(dsl::releng_jobs.find(id))
            .set((
                dsl::receipt.eq(None::<String>),
                dsl::visible_at.eq(from),
                dsl::attempts.eq(attempts.saturating_sub(1)),
            ))
            .execute(c)
    })?;
    Ok(true)
}

pub(super) fn fail(
    conn: &mut AnyConnection,
    queue: &str,
    receipt: &Receipt,
    failed: &Failed,
) -> TxResult<Fate> {
    let Some((id, attempts)) = held(conn, queue, receipt)? else {
        return Ok(Fate::NotOurs);
    };
    if attempts >= failed.max_attempts {
        diesel::update(dsl::releng_jobs.find(id))
            .set((
                dsl::receipt.eq(None::<String>),
                dsl::dead_at.eq(Some(failed.now)),
                dsl::last_error.eq(Some(&failed.error)),
            ))
            .execute(conn)?;
        return Ok(Fate::Dead);
    }
    wait_or_merge(conn, id, |c| {
        diesel::update(dsl::releng_jobs.find(id))
            .set((
                dsl::receipt.eq(None::<String>),
                dsl::visible_at.eq(failed.from),
                dsl::last_error.eq(Some(&failed.error)),
            ))
            .execute(c)
    })?;
    Ok(Fate::Waiting)
}

/// Finds the message of a receipt, with its attempts, and locks it: otherwise another consumer could
/// take it between this statement and the next.
fn held(
    conn: &mut AnyConnection,
    queue: &str,
    receipt: &Receipt,
) -> QueryResult<Option<(i64, i32)>> {
    let held = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::receipt.eq(receipt.as_str()))
        .select((dsl::id, dsl::attempts));
    match conn {
        AnyConnection::Postgres(c) => held.for_update().first(c).optional(),
        AnyConnection::Sqlite(c) => held.first(c).optional(),
    }
}

/// Makes a job wait again by `update`. When one with its key waits already, that one does the work
/// and this one goes. The unique index decides, in a savepoint: a look beforehand would miss what
/// another transaction is about to add.
pub(super) fn wait_or_merge(
    conn: &mut AnyConnection,
    id: i64,
    update: impl FnOnce(&mut AnyConnection) -> QueryResult<usize>,
) -> QueryResult<()> {
    match conn.transaction(update) {
        Ok(_) => Ok(()),
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            diesel::delete(dsl::releng_jobs.find(id)).execute(conn)?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}
