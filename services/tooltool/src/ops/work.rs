// SPDX-License-Identifier: MPL-2.0
//! Jobs of the queue.

use std::time::Duration;

use releng_common::{Error, Kind, Result};
use releng_queue::{Done, Job};

use super::lease::LEASE;
use super::pending::{Checked, pending_check, pending_check_patiently};
use super::recount::file_recount;
use super::replicate::file_replicate;
use super::watch::file_watch;
use crate::State;
use crate::domain::Sha512;

/// Time until work is tried again that something else stood in the way of.
const AGAIN: Duration = Duration::from_secs(10);

/// One job. Its text is both body and key: the same work waits once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Verify the pending upload of a digest.
    Check(Sha512),
    /// Copy a file into all regions.
    Replicate(Sha512),
    /// Look whether a late PUT has replaced a verified object.
    Watch(Sha512),
    /// Forget instances whose objects are gone.
    Recount(Sha512),
}

impl Work {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Check(digest) => format!("check/{digest}"),
            Self::Replicate(digest) => format!("replicate/{digest}"),
            Self::Watch(digest) => format!("watch/{digest}"),
            Self::Recount(digest) => format!("recount/{digest}"),
        }
    }

    pub(super) fn job(&self) -> Job {
        let text = self.text();
        Job::new(text.clone()).with_dedup_key(text)
    }

    fn parse(body: &str) -> Result<Self> {
        let unknown = || Error::invalid(format!("no such work: {body:?}"));
        let (kind, digest) = body.split_once('/').ok_or_else(unknown)?;
        let digest = Sha512::parse(digest)?;
        match kind {
            "check" => Ok(Self::Check(digest)),
            "replicate" => Ok(Self::Replicate(digest)),
            "watch" => Ok(Self::Watch(digest)),
            "recount" => Ok(Self::Recount(digest)),
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
        Work::Replicate(digest) => file_replicate(state, &digest).await.map(done_or_busy),
        Work::Watch(digest) => file_watch(state, &digest).await.map(done_or_busy),
        Work::Recount(digest) => file_recount(state, &digest).await.map(done_or_busy),
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

/// Does a work now. Work that somebody else is at is none of ours.
///
/// # Errors
/// A store or the database does not answer.
pub(super) async fn work_once(state: &State, work: &Work) -> Result<()> {
    match work {
        Work::Check(digest) => pending_check_patiently(state, digest).await.map(drop),
        Work::Replicate(digest) => file_replicate(state, digest).await.map(drop),
        Work::Watch(digest) => file_watch(state, digest).await.map(drop),
        Work::Recount(digest) => file_recount(state, digest).await.map(drop),
    }
}

fn done_or_busy(is_done: bool) -> Done {
    if is_done {
        Done::Finished
    } else {
        Done::Later(LEASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let digest = Sha512::parse(&"a".repeat(128)).unwrap();
        for work in [
            Work::Check(digest.clone()),
            Work::Replicate(digest.clone()),
            Work::Watch(digest.clone()),
            Work::Recount(digest),
        ] {
            let job = work.job();
            assert_eq!(job.dedup_key.as_deref(), Some(job.body.as_str()));
            assert_eq!(Work::parse(&job.body).unwrap(), work);
        }
        assert!(Work::parse("check/x").is_err());
        assert!(Work::parse("").is_err());
    }
}
