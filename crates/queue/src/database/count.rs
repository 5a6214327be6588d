// SPDX-License-Identifier: MPL-2.0
//! Counting jobs by their state.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use releng_db::{AnyConnection, TxResult};

use crate::Depth;

/// One statement, so that a job that moves meanwhile is counted once. Parameters are numbered in the
/// order of their appearance, which makes `$1` mean the same to both databases.
const DEPTH: &str = "SELECT \
    count(*) FILTER (WHERE dead_at IS NULL AND visible_at <= $1) AS ready, \
    count(*) FILTER (WHERE dead_at IS NULL AND visible_at > $1 AND receipt IS NULL) AS delayed, \
    count(*) FILTER (WHERE dead_at IS NULL AND visible_at > $1 AND receipt IS NOT NULL) \
        AS in_flight, \
    count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead \
    FROM releng_jobs WHERE queue = $2";

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    ready: i64,
    #[diesel(sql_type = BigInt)]
    delayed: i64,
    #[diesel(sql_type = BigInt)]
    in_flight: i64,
    #[diesel(sql_type = BigInt)]
    dead: i64,
}

pub(super) fn depth(conn: &mut AnyConnection, queue: &str, now: NaiveDateTime) -> TxResult<Depth> {
    let counts: Counts = diesel::sql_query(DEPTH)
        .bind::<Timestamp, _>(now)
        .bind::<Text, _>(queue)
        .get_result(conn)?;
    let number = |count| u64::try_from(count).unwrap_or_default();
    Ok(Depth {
        ready: number(counts.ready),
        delayed: number(counts.delayed),
        in_flight: number(counts.in_flight),
        dead: number(counts.dead),
    })
}
