// SPDX-License-Identifier: MPL-2.0
//! Taking messages.

use std::sync::Arc;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, TxResult};
use uuid::Uuid;

use super::row::Due;
use super::schema::releng_jobs::dsl;
use crate::limits::NOT_FINISHED;
use crate::{Message, Receipt};

/// What a consumer wants.
pub(super) struct Order {
    pub queue: Arc<str>,
    pub max: i64,
    pub now: NaiveDateTime,
    /// When the messages become visible again.
    pub until: NaiveDateTime,
    pub max_attempts: i32,
}

/// What it gets.
pub(super) struct Taken {
    pub messages: Vec<Message>,
    /// Number of messages that were taken too often already.
    pub dead: u64,
}

pub(super) fn take(conn: &mut AnyConnection, order: &Order) -> TxResult<Taken> {
    let mut taken = Taken {
        messages: Vec::new(),
        dead: 0,
    };
    for job in due(conn, order)? {
        if job.attempts >= order.max_attempts {
            bury(conn, job.id, order.now)?;
            taken.dead += 1;
        } else {
            taken.messages.push(hand_out(conn, job, order.until)?);
        }
    }
    Ok(taken)
}

/// Selects what is visible and, on PostgreSQL, locks it; what others have locked is skipped.
fn due(conn: &mut AnyConnection, order: &Order) -> QueryResult<Vec<Due>> {
    let visible = dsl::releng_jobs
        .filter(dsl::queue.eq(&*order.queue))
        .filter(dsl::dead_at.is_null())
        .filter(dsl::visible_at.le(order.now))
        .order((dsl::visible_at, dsl::id))
        .limit(order.max)
        .select((dsl::id, dsl::body, dsl::attempts));
    match conn {
        AnyConnection::Postgres(c) => visible.for_update().skip_locked().load(c),
        AnyConnection::Sqlite(c) => visible.load(c),
    }
}

fn hand_out(conn: &mut AnyConnection, job: Due, until: NaiveDateTime) -> QueryResult<Message> {
    let receipt = Uuid::new_v4().simple().to_string();
    let attempts = job.attempts.saturating_add(1);
    diesel::update(dsl::releng_jobs.find(job.id))
        .set((
            dsl::receipt.eq(Some(&receipt)),
            dsl::attempts.eq(attempts),
            dsl::visible_at.eq(until),
        ))
        .execute(conn)?;
    Ok(Message {
        id: job.id.to_string(),
        receipt: Receipt::new(receipt),
        body: job.body,
        attempts: u32::try_from(attempts).unwrap_or_default(),
    })
}

/// Gives up a message whose last handler neither succeeded nor failed, as when it kills its process.
fn bury(conn: &mut AnyConnection, id: i64, now: NaiveDateTime) -> QueryResult<()> {
    diesel::update(dsl::releng_jobs.find(id))
        .set((
            dsl::receipt.eq(None::<String>),
            dsl::dead_at.eq(Some(now)),
            dsl::last_error.eq(Some(NOT_FINISHED)),
        ))
        .execute(conn)?;
    Ok(())
}
