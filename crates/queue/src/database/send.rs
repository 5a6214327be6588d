// SPDX-License-Identifier: MPL-2.0
//! Adding jobs.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;
use releng_common::Error;
use releng_db::{AnyConnection, TxResult, on_backend};

use super::row::New;
use super::schema::releng_jobs::dsl;
use crate::limits::{check_job, check_name, full};
use crate::moment::after;
use crate::{Job, Limits, Sent};

/// How often a job with a key is tried. A second round is needed only when the waiting job was taken,
/// or added, between two statements.
const ROUNDS: u32 = 10;

/// Sends a job in the transaction of the caller, with the default [`Limits::max_jobs`]; for callers
/// that have no [`DbQueue`](crate::DbQueue) at hand.
///
/// # Errors
/// As [`Queue::send`](crate::Queue::send).
pub fn send_in_txn(
    conn: &mut AnyConnection,
    queue: &str,
    job: &Job,
    now: DateTime<Utc>,
) -> TxResult<Sent> {
    check_name(queue)?;
    check_job(job)?;
    insert(
        conn,
        queue,
        job,
        now.naive_utc(),
        Limits::default().max_jobs,
    )
}

/// Adds a job that passed its checks, or merges it.
pub(super) fn insert(
    conn: &mut AnyConnection,
    queue: &str,
    job: &Job,
    now: NaiveDateTime,
    max_jobs: u32,
) -> TxResult<Sent> {
    let row = New {
        queue,
        body: &job.body,
        dedup_key: job.dedup_key.as_deref(),
        visible_at: after(now, job.delay),
        created_at: now,
    };
    add_or_merge(conn, &row, |conn| is_full(conn, queue, max_jobs))
}

/// Adds jobs that passed their checks, or merges them, and returns how many were added. What waits is
/// counted once for all of them, so that many jobs cost no more than as many single ones in an empty
/// queue.
pub(super) fn insert_all(
    conn: &mut AnyConnection,
    queue: &str,
    jobs: &[Job],
    now: NaiveDateTime,
    max_jobs: u32,
) -> TxResult<usize> {
    let waiting: i64 = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::dead_at.is_null())
        .count()
        .get_result(conn)?;
    let mut room = i64::from(max_jobs).saturating_sub(waiting);
    let mut added = 0;
    for job in jobs {
        let row = New {
            queue,
            body: &job.body,
            dedup_key: job.dedup_key.as_deref(),
            visible_at: after(now, job.delay),
            created_at: now,
        };
        if add_or_merge(conn, &row, |_| Ok(room <= 0))? == Sent::Added {
            room = room.saturating_sub(1);
            added += 1;
        }
    }
    Ok(added)
}

fn add_or_merge(
    conn: &mut AnyConnection,
    row: &New<'_>,
    is_full: impl Fn(&mut AnyConnection) -> QueryResult<bool>,
) -> TxResult<Sent> {
    for _ in 0..ROUNDS {
        if let Some(key) = row.dedup_key
            && merge(conn, row.queue, key, row.visible_at)?
        {
            return Ok(Sent::Merged);
        }
        if is_full(conn)? {
            return Err(full(row.queue).into());
        }
        if add(conn, row)? {
            return Ok(Sent::Added);
        }
    }
    Err(Error::unavailable(format!("queue {} is busy", row.queue)).into())
}

/// Brings the waiting job of a key forward. The row is written even when its time stays: the lock
/// keeps consumers from taking it before this transaction commits, so that whoever runs the job sees
/// what was changed along with it.
fn merge(
    conn: &mut AnyConnection,
    queue: &str,
    key: &str,
    visible_at: NaiveDateTime,
) -> QueryResult<bool> {
    let waiting = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::dedup_key.eq(key))
        .filter(dsl::receipt.is_null())
        .filter(dsl::dead_at.is_null());
    let asked = visible_at.into_sql::<Timestamp>();
    let earlier = case_when(dsl::visible_at.gt(asked), asked).otherwise(dsl::visible_at);
    on_backend!(conn, c => diesel::update(waiting).set(dsl::visible_at.eq(earlier)).execute(c))
        .map(|changed| changed > 0)
}

/// Looks whether the last place is taken. The cost grows with what waits, not with the bound.
fn is_full(conn: &mut AnyConnection, queue: &str, max_jobs: u32) -> QueryResult<bool> {
    let last: Option<i64> = dsl::releng_jobs
        .filter(dsl::queue.eq(queue))
        .filter(dsl::dead_at.is_null())
        .select(dsl::id)
        .order((dsl::visible_at, dsl::id))
        .limit(1)
        .offset(i64::from(max_jobs) - 1)
        .first(conn)
        .optional()?;
    Ok(last.is_some())
}

/// Adds the row unless another transaction added one with its key meanwhile.
fn add(conn: &mut AnyConnection, row: &New<'_>) -> QueryResult<bool> {
    let added = on_backend!(conn, c => diesel::insert_into(dsl::releng_jobs)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added > 0)
}
