// SPDX-License-Identifier: MPL-2.0
//! Jobs of the queue, and the schedule that fills it.

use std::time::Duration;

use releng_common::{Error, Kind, Result};
use releng_queue::{Done, Job};

use super::PAGE;
use super::lease::LEASE;
use super::pending::{Checked, pending_check};
use super::replicate::{file_replicate, replicate_page};
use crate::domain::Sha512;
use crate::{State, repo};

/// Time until work is tried again that something else stood in the way of.
const AGAIN: Duration = Duration::from_secs(10);

/// One job. Its text is both body and key: the same work waits once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Verify the pending upload of a digest.
    Check(Sha512),
    /// Copy a file into all regions.
    Replicate(Sha512),
}

impl Work {
    pub(super) fn job(&self) -> Job {
        let text = match self {
            Self::Check(digest) => format!("check/{digest}"),
            Self::Replicate(digest) => format!("replicate/{digest}"),
        };
        Job::new(text.clone()).with_dedup_key(text)
    }

    fn parse(body: &str) -> Result<Self> {
        let unknown = || Error::invalid(format!("no such work: {body:?}"));
        let (kind, digest) = body.split_once('/').ok_or_else(unknown)?;
        let digest = Sha512::parse(digest)?;
        match kind {
            "check" => Ok(Self::Check(digest)),
            "replicate" => Ok(Self::Replicate(digest)),
            _ => Err(unknown()),
        }
    }
}

/// Does the work of one job.
///
/// # Errors
/// What makes no sense to try again soon: the queue counts the attempt.
pub async fn work_run(state: &State, body: &str) -> Result<Done> {
    let result = match Work::parse(body)? {
        Work::Check(digest) => pending_check(state, &digest)
            .await
            .map(|checked| match checked {
                Checked::TooEarly(wait) => Done::Later(wait),
                Checked::Busy => Done::Later(LEASE),
                _ => Done::Finished,
            }),
        Work::Replicate(digest) => file_replicate(state, &digest).await.map(|is_done| {
            if is_done {
                Done::Finished
            } else {
                Done::Later(LEASE)
            }
        }),
    };
    match result {
        // A store or database that is away comes back; the attempt must not count.
        Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Conflict) => {
            tracing::warn!(work = body, error = error.chain(), "tried again later");
            Ok(Done::Later(AGAIN))
        }
        result => result,
    }
}

/// Queues a check of every pending upload whose URL has ended.
///
/// # Errors
/// The database does not answer, or the queue is full.
pub async fn check_schedule(state: &State) -> Result<()> {
    let mut after = 0;
    loop {
        let now = state.clock.now().naive_utc();
        let due = state
            .db
            .read(move |conn| Ok(repo::pending_due(conn, now, after, PAGE)?))
            .await?;
        let Some((last, _)) = due.last() else {
            return Ok(());
        };
        after = *last;
        let works = due
            .into_iter()
            .map(|(_, digest)| Work::Check(digest))
            .collect();
        send(state, works).await?;
    }
}

/// Queues the copying of every file that some region lacks.
///
/// # Errors
/// The database does not answer, or the queue is full.
pub async fn replicate_schedule(state: &State) -> Result<()> {
    let mut after = 0;
    while let Some((last, files)) = replicate_page(state, after).await? {
        after = last;
        send(
            state,
            files
                .into_iter()
                .map(|file| Work::Replicate(file.digest))
                .collect(),
        )
        .await?;
    }
    Ok(())
}

async fn send(state: &State, works: Vec<Work>) -> Result<()> {
    if works.is_empty() {
        return Ok(());
    }
    let queue = state.queue.clone();
    state
        .db
        .write(move |conn| {
            for work in &works {
                queue.send_in_txn(conn, &work.job())?;
            }
            Ok(())
        })
        .await?;
    state.queue.wake();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let digest = Sha512::parse(&"a".repeat(128)).unwrap();
        for work in [Work::Check(digest.clone()), Work::Replicate(digest)] {
            let job = work.job();
            assert_eq!(job.dedup_key.as_deref(), Some(job.body.as_str()));
            assert_eq!(Work::parse(&job.body).unwrap(), work);
        }
        assert!(Work::parse("check/x").is_err());
        assert!(Work::parse("").is_err());
    }
}
