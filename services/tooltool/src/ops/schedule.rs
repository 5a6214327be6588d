// SPDX-License-Identifier: MPL-2.0
//! Finding work: as jobs for the workers, or done at once by the commands.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use releng_common::{Error, Result};

use super::lease::deletions_lost;
use super::replicate::replicate_page;
use super::work::{Work, work_once};
use crate::domain::Sha512;
use crate::{State, repo};

/// Rows that background work looks at in one go.
pub(super) const PAGE: i64 = 1000;

/// Queues the check of every pending upload whose URL has ended, the look at every verified object
/// whose time has come, and what processes that were killed have left.
///
/// # Errors
/// The database does not answer, or the queue is full.
pub async fn check_schedule(state: &State) -> Result<()> {
    for digest in deletions_lost(state, PAGE).await? {
        send(state, vec![Work::Recount(digest)]).await?;
    }
    let mut after = 0;
    while let Some((last, digests)) = due(state, repo::pending_due, after).await? {
        after = last;
        send(state, digests.into_iter().map(Work::Check).collect()).await?;
    }
    let mut after = 0;
    while let Some((last, digests)) = due(state, repo::watch_due, after).await? {
        after = last;
        send(state, digests.into_iter().map(Work::Watch).collect()).await?;
    }
    Ok(())
}

/// Queues the copying of every file that some region lacks.
///
/// # Errors
/// The database does not answer, or the queue is full.
pub async fn replicate_schedule(state: &State) -> Result<()> {
    let mut after = 0;
    while let Some((last, files)) = replicate_page(state, after).await? {
        after = last;
        let digests = files.into_iter().map(|file| file.digest);
        send(state, digests.map(Work::Replicate).collect()).await?;
    }
    Ok(())
}

/// Does what [`check_schedule`] queues. One file that fails does not stop the others. Returns how many
/// failed.
///
/// # Errors
/// The database does not answer.
pub async fn check_all(state: &State) -> Result<usize> {
    let lost = deletions_lost(state, PAGE).await?;
    let mut failed = each(state, lost.into_iter().map(Work::Recount)).await;
    let mut after = 0;
    while let Some((last, digests)) = due(state, repo::pending_due, after).await? {
        after = last;
        failed += each(state, digests.into_iter().map(Work::Check)).await;
    }
    let mut after = 0;
    while let Some((last, digests)) = due(state, repo::watch_due, after).await? {
        after = last;
        failed += each(state, digests.into_iter().map(Work::Watch)).await;
    }
    Ok(failed)
}

/// Copies every file into every region that lacks it. One that fails does not stop the others.
/// Returns how many failed.
///
/// # Errors
/// The database does not answer.
pub async fn replicate_all(state: &State) -> Result<usize> {
    let (mut after, mut failed) = (0, 0);
    while let Some((last, files)) = replicate_page(state, after).await? {
        after = last;
        let works = files.into_iter().map(|file| Work::Replicate(file.digest));
        failed += each(state, works).await;
    }
    Ok(failed)
}

/// Returns the next page of what is due, and the last id on it.
async fn due(
    state: &State,
    query: repo::DueQuery,
    after: i32,
) -> Result<Option<(i32, Vec<Sha512>)>> {
    let now = state.clock.now().naive_utc();
    let rows = state
        .db
        .read(move |conn| Ok(query(conn, now, after, PAGE)?))
        .await?;
    let last = rows.last().map(|(id, _)| *id);
    Ok(last.map(|last| (last, rows.into_iter().map(|(_, digest)| digest).collect())))
}

/// Does works, a few at a time, and returns how many failed.
async fn each(state: &State, works: impl Iterator<Item = Work>) -> usize {
    let limit = Duration::from_secs(state.settings.own.worker_time_limit_secs);
    let running = works.map(|work| async move {
        let result = match tokio::time::timeout(limit, work_once(state, &work)).await {
            Ok(result) => result,
            Err(_) => Err(Error::unavailable("it took too long")),
        };
        if let Err(error) = &result {
            let work = work.text();
            tracing::error!(work, error = error.chain(), "{work} failed");
        }
        usize::from(result.is_err())
    });
    stream::iter(running)
        .buffer_unordered(state.settings.own.worker_jobs)
        .fold(0, async |failed, one| failed + one)
        .await
}

async fn send(state: &State, works: Vec<Work>) -> Result<()> {
    if works.is_empty() {
        return Ok(());
    }
    let queue = state.queue.clone();
    let jobs: Vec<_> = works.iter().map(Work::job).collect();
    state
        .db
        .write_behind(move |conn| queue.send_all_in_txn(conn, &jobs).map(drop))
        .await?;
    state.queue.wake();
    Ok(())
}
