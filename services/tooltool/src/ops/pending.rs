// SPDX-License-Identifier: MPL-2.0
//! What becomes of what clients sent (tooltool.md §5.1).

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::Result;
use releng_db::AnyConnection;
use releng_queue::Queue as _;
use releng_store::Seal;

use super::lease::{Held, Lease, hold, work_on};
use super::verify::{Found, inspect};
use super::work::Work;
use crate::domain::{File, Pending, Sha512, Verdict, Watch};
use crate::regions::{self, RegionStore};
use crate::{State, repo};

/// Time after the end of a PUT URL in which nothing is verified: stores cut the end to whole seconds,
/// and their clocks are not ours.
pub(super) const GRACE: TimeDelta = TimeDelta::seconds(1);

/// Time until a check is tried again that a message asked for.
const PUT_OFF: Duration = Duration::from_secs(5);

/// Time after which an upload that never came is given up.
const ABANDONED_AFTER: TimeDelta = TimeDelta::days(1);

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// There is no pending upload.
    Nothing,
    /// A PUT URL may still live: look again after this time.
    TooEarly(Duration),
    /// Somebody else works on it.
    Busy,
    /// The bytes have not come.
    Absent,
    /// They never came, or went where nobody can look.
    Abandoned,
    /// They were not the announced ones and are deleted.
    Rejected,
    /// The file can be downloaded now.
    Stored,
}

/// A pending upload that may be looked at.
struct Ready<'a> {
    file: File,
    pending: Pending,
    region: &'a RegionStore,
}

/// Returns how long a pending upload must not be verified yet.
pub(super) fn ready_in(pending: &Pending, now: NaiveDateTime) -> Option<Duration> {
    let ready = pending.expires.checked_add_signed(GRACE)?;
    ready
        .signed_duration_since(now)
        .to_std()
        .ok()
        .filter(|wait| !wait.is_zero())
}

/// Checks the pending upload of one digest.
///
/// # Errors
/// `Unavailable` or `Conflict` when it should be tried again.
pub async fn pending_check(state: &State, digest: &Sha512) -> Result<Checked> {
    let checked = check(state, digest).await?;
    tracing::debug!(file.digest = %digest, outcome = ?checked, "pending upload checked");
    Ok(checked)
}

/// Waits out the grace of a URL that has ended, and no longer.
///
/// # Errors
/// As [`pending_check`].
pub async fn pending_check_patiently(state: &State, digest: &Sha512) -> Result<Checked> {
    match pending_check(state, digest).await? {
        Checked::TooEarly(wait) if wait <= GRACE.to_std().unwrap_or_default() => {
            tokio::time::sleep(wait).await;
            pending_check(state, digest).await
        }
        checked => Ok(checked),
    }
}

/// Checks what a message of the broker names. What goes wrong now is left to the queue.
pub async fn pending_check_told(state: &State, digest: &Sha512) {
    let error = match pending_check_patiently(state, digest).await {
        Ok(Checked::Busy | Checked::TooEarly(_)) => None,
        Ok(_) => return,
        Err(error) => Some(error.chain()),
    };
    tracing::info!(file.digest = %digest, error, "check of {digest} put off");
    let job = Work::Check(digest.clone()).job().with_delay(PUT_OFF);
    if let Err(error) = state.queue.send(job).await {
        tracing::warn!(file.digest = %digest, error = error.chain(), "check of {digest} not queued");
    }
}

async fn check(state: &State, digest: &Sha512) -> Result<Checked> {
    let ready = match look(state, digest).await? {
        Ok(ready) => ready,
        Err(checked) => return Ok(checked),
    };
    // Uploads that never come are looked at for a day: no lease for each look.
    let key = regions::key(digest)?;
    if ready.region.store.head(&key).await?.is_none() {
        return Ok(Checked::Absent);
    }
    let lease = Lease::to_work_on(digest);
    let work = async {
        // Whoever had the lease until now may have done it all.
        match look(state, digest).await? {
            Ok(ready) => decide(state, &lease, ready).await,
            Err(checked) => Ok(checked),
        }
    };
    match work_on(state, digest, &lease, work).await? {
        Held::Done(checked) => checked,
        Held::Busy => Ok(Checked::Busy),
    }
}

/// Returns the pending upload of a digest, or what there is to say instead.
async fn look<'a>(state: &'a State, digest: &Sha512) -> Result<Result<Ready<'a>, Checked>> {
    let wanted = digest.clone();
    let found = state
        .db
        .read(move |conn| {
            let Some(file) = repo::file_fetch(conn, &wanted)? else {
                return Ok(None);
            };
            Ok(repo::pending_fetch(conn, file.id)?.map(|pending| (file, pending)))
        })
        .await?;
    let Some((file, pending)) = found else {
        return Ok(Err(Checked::Nothing));
    };
    let now = state.clock.now().naive_utc();
    if let Some(wait) = ready_in(&pending, now) {
        return Ok(Err(Checked::TooEarly(wait)));
    }
    if now.signed_duration_since(pending.expires) > ABANDONED_AFTER {
        return give_up(state, &file, pending, "it never came")
            .await
            .map(Err);
    }
    match state.regions.get(&pending.region) {
        Some(region) => Ok(Ok(Ready {
            file,
            pending,
            region,
        })),
        None => give_up(state, &file, pending, "its region is not configured")
            .await
            .map(Err),
    }
}

async fn give_up(state: &State, file: &File, pending: Pending, why: &str) -> Result<Checked> {
    tracing::warn!(
        file.digest = %file.digest, region = pending.region,
        "upload of {} given up: {why}", file.digest
    );
    settle(state, file, pending, None, Checked::Abandoned).await
}

async fn decide(state: &State, lease: &Lease, ready: Ready<'_>) -> Result<Checked> {
    let digest = ready.file.digest.clone();
    let ended = ready.pending.expires.and_utc();
    let ended = ended.checked_add_signed(GRACE).unwrap_or(ended);
    let key = regions::key(&digest)?;
    let seal = match ready.region.store.seal(&key, ended).await? {
        Seal::Absent => return Ok(Checked::Absent),
        seal => seal,
    };
    match inspect(ready.region, &ready.file).await? {
        Found::Nothing => Ok(Checked::Absent),
        Found::Object(Verdict::Valid, etag) => {
            let now = state.clock.now().naive_utc();
            let first = state.settings.own.recheck_after_secs;
            let watch = (seal == Seal::Unsupported)
                .then(|| Watch::begin(&ready.pending.region, &etag, now, first));
            let stored = Stored {
                lease: lease.clone(),
                watch,
            };
            let Ready { file, pending, .. } = ready;
            let checked = settle(state, &file, pending, Some(stored), Checked::Stored).await?;
            if checked == Checked::Stored {
                tracing::info!(file.digest = %digest, "upload of {digest} verified");
            }
            Ok(checked)
        }
        Found::Object(Verdict::Invalid(reason), _) => reject(state, lease, ready, &reason).await,
    }
}

/// Deletes an object that is not the file, while no URL for another one can be handed out.
async fn reject(state: &State, lease: &Lease, ready: Ready<'_>, reason: &str) -> Result<Checked> {
    let Ready {
        file,
        pending,
        region,
    } = ready;
    let digest = file.digest.clone();
    let (working, known, sha512) = (lease.clone(), pending.clone(), digest.clone());
    let claim = move |conn: &mut AnyConnection, deleting: &Lease, now| {
        repo::file_lock_in_txn(conn, &sha512)?;
        let is_same = repo::pending_lock_in_txn(conn, known.file_id)?.as_ref() == Some(&known);
        Ok(is_same && working.is_held_in_txn(conn)? && deleting.claim_in_txn(conn, now)?)
    };
    let work = async {
        region.store.delete(&regions::key(&digest)?).await?;
        settle(state, &file, pending, None, Checked::Rejected).await
    };
    match hold(state, &Lease::to_delete(&digest), claim, work).await? {
        Held::Done(checked) => {
            let checked = checked?;
            tracing::warn!(file.digest = %digest, reason, "upload of {digest} rejected");
            Ok(checked)
        }
        Held::Busy => Ok(look_again(state)),
    }
}

/// What stands when an upload was verified.
#[derive(Clone)]
struct Stored {
    lease: Lease,
    watch: Option<Watch>,
}

/// Ends a pending upload, unless another URL was handed out since it was looked at: then the object
/// may change again, and nothing is decided. Nor is it when the lease was taken away: then somebody
/// deletes the object.
async fn settle(
    state: &State,
    file: &File,
    pending: Pending,
    stored: Option<Stored>,
    outcome: Checked,
) -> Result<Checked> {
    let digest = file.digest.clone();
    let is_settled = state
        .db
        .write_behind(move |conn| {
            let Some(file) = repo::file_lock_in_txn(conn, &digest)? else {
                return Ok(false);
            };
            if repo::pending_lock_in_txn(conn, file.id)?.as_ref() != Some(&pending) {
                return Ok(false);
            }
            if let Some(stored) = &stored {
                if !stored.lease.is_held_in_txn(conn)? {
                    return Ok(false);
                }
                repo::instance_insert_in_txn(conn, file.id, &pending.region)?;
                if let Some(watch) = &stored.watch {
                    repo::watch_upsert_in_txn(conn, file.id, watch)?;
                }
            }
            repo::pending_delete_in_txn(conn, file.id)?;
            Ok(true)
        })
        .await?;
    Ok(if is_settled {
        outcome
    } else {
        look_again(state)
    })
}

fn look_again(state: &State) -> Checked {
    Checked::TooEarly(Duration::from_secs(
        state.settings.own.upload_expires_secs.into(),
    ))
}
