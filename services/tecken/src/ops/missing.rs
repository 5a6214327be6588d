// SPDX-License-Identifier: MPL-2.0
//! Recording and listing symbols that were wanted and are not there (tecken.md §4).

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use chrono::{NaiveDateTime, NaiveTime};
use releng_common::Result;

use crate::domain::{Miss, MissingSymbol};
use crate::{State, repo};

/// Misses that wait for the database at most; beyond that the oldest are given up.
const MAX_UNRECORDED: usize = 10_000;
/// Rows that are read at once for the CSV.
const CSV_PAGE: i64 = 1_000;

/// Records a miss, once per tuple and day. Never fails: a miss that the database does not take waits
/// for the next one.
pub async fn missing_record(state: &State, miss: Miss) {
    let own = &state.settings.own;
    if !own.store_missing_symbols || !miss.is_recordable() {
        return;
    }
    let memo = format!("missing:{}", miss.hash());
    let ttl = Some(Duration::from_secs(own.memoize_missing_secs));
    let cache = state.exists.cache();
    let is_first = cache
        .set_if_absent(&memo, Bytes::from_static(b"1"), ttl)
        .await
        .unwrap_or(true);
    if !is_first {
        return;
    }
    let mut misses = take(state);
    misses.push_back(miss);
    write(state, misses).await;
}

/// Writes what the database did not take before.
pub async fn missing_retry(state: &State) {
    let misses = take(state);
    if !misses.is_empty() {
        write(state, misses).await;
    }
}

async fn write(state: &State, misses: VecDeque<Miss>) {
    let now = state.clock.now().naive_utc();
    let batch = misses.clone();
    let written = state
        .db
        .write(move |conn| {
            for miss in &batch {
                repo::missing_record_in_txn(conn, miss, now)?;
            }
            Ok(())
        })
        .await;
    if let Err(error) = written {
        tracing::warn!(
            error = error.chain(),
            misses = misses.len(),
            "misses wait for the database"
        );
        let mut waiting = state
            .unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.extend(misses);
        while waiting.len() > MAX_UNRECORDED {
            waiting.pop_front();
        }
    }
}

fn take(state: &State) -> VecDeque<Miss> {
    std::mem::take(
        &mut *state
            .unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    )
}

/// Where a CSV goes on.
#[derive(Clone, Debug)]
pub struct CsvPage {
    since: NaiveDateTime,
    after: (NaiveDateTime, i32),
    remaining: i64,
}

/// Begins the list of misses of Windows modules: of the last 24 hours, or of today.
pub fn csv_begin(state: &State, is_today: bool) -> CsvPage {
    let now = state.clock.now().naive_utc();
    let since = if is_today {
        now.date().and_time(NaiveTime::MIN)
    } else {
        now - chrono::Duration::days(1)
    };
    CsvPage {
        since,
        after: (since, 0),
        remaining: state.settings.own.missing_csv_max,
    }
}

/// Returns the next rows, and where it goes on unless that is all.
///
/// # Errors
/// The database does not answer.
pub async fn csv_next(
    state: &State,
    page: CsvPage,
) -> Result<(Vec<MissingSymbol>, Option<CsvPage>)> {
    let limit = CSV_PAGE.min(page.remaining);
    let (since, after) = (page.since, page.after);
    let rows = state
        .db
        .read(move |conn| Ok(repo::missing_list_after(conn, since, after, limit)?))
        .await?;
    let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let next = rows
        .last()
        .filter(|_| read == limit && limit > 0)
        .map(|last| CsvPage {
            after: (last.modified_at, last.id),
            remaining: page.remaining.saturating_sub(read),
            ..page
        });
    let is_wanted = |row: &MissingSymbol| {
        row.symbol.to_lowercase().ends_with(".pdb") && row.filename.to_lowercase().ends_with(".sym")
    };
    Ok((rows.into_iter().filter(is_wanted).collect(), next))
}

/// Returns a page of the newest misses, counted from 1, and the number of all.
///
/// # Errors
/// The database does not answer.
pub async fn missing_page(
    state: &State,
    page: i64,
    size: i64,
) -> Result<(Vec<MissingSymbol>, i64)> {
    let offset = page.saturating_sub(1).saturating_mul(size);
    state
        .db
        .read(move |conn| {
            Ok((
                repo::missing_list(conn, offset, size)?,
                repo::missing_count(conn)?,
            ))
        })
        .await
}
