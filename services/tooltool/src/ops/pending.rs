// SPDX-License-Identifier: MPL-2.0
//! Verifying what clients sent (tooltool.md §5.1, §5.2).

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::Result;
use releng_store::sha512_of;

use super::PAGE;
use super::lease::{Held, hold};
use crate::domain::{File, Pending, Sha512, Verdict, judge};
use crate::regions::{self, RegionStore};
use crate::{State, repo};

/// Time after the end of a PUT URL in which nothing is verified: stores cut the end to whole seconds,
/// and their clocks are not ours.
const GRACE: TimeDelta = TimeDelta::seconds(1);

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
    let held = hold(state, format!("check/{digest}"), check(state, digest)).await?;
    let checked = match held {
        Held::Done(checked) => checked?,
        Held::Busy => Checked::Busy,
    };
    tracing::debug!(file.digest = %digest, outcome = ?checked, "pending upload checked");
    Ok(checked)
}

async fn check(state: &State, digest: &Sha512) -> Result<Checked> {
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
        return Ok(Checked::Nothing);
    };
    let now = state.clock.now().naive_utc();
    if let Some(wait) = ready_in(&pending, now) {
        return Ok(Checked::TooEarly(wait));
    }
    let is_old = now.signed_duration_since(pending.expires) > ABANDONED_AFTER;
    let region = state.regions.get(&pending.region);
    match region {
        Some(region) if !is_old => decide(state, region, &file, pending).await,
        _ => {
            tracing::warn!(
                file.digest = %digest, region = pending.region,
                "upload of {digest} given up: {}",
                if is_old { "it never came" } else { "its region is not configured" }
            );
            settle(state, &file, pending, false, Checked::Abandoned).await
        }
    }
}

async fn decide(
    state: &State,
    region: &RegionStore,
    file: &File,
    pending: Pending,
) -> Result<Checked> {
    let digest = &file.digest;
    match inspect(region, file).await? {
        None => Ok(Checked::Absent),
        Some(Verdict::Valid) => {
            let stored = settle(state, file, pending, true, Checked::Stored).await?;
            tracing::info!(file.digest = %digest, "upload of {digest} verified");
            Ok(stored)
        }
        Some(Verdict::Invalid(reason)) => {
            tracing::warn!(file.digest = %digest, reason, "upload of {digest} rejected");
            region.store.delete(&regions::key(digest)?).await?;
            settle(state, file, pending, false, Checked::Rejected).await
        }
    }
}

/// Looks at the object of a file; `None` when there is none. The bytes are read only when everything
/// else fits, and `sha512_of` asks the store once more whether they were replaced meanwhile.
async fn inspect(region: &RegionStore, file: &File) -> Result<Option<Verdict>> {
    let key = regions::key(&file.digest)?;
    let Some(meta) = region.store.head(&key).await? else {
        return Ok(None);
    };
    let class = |meta: &releng_store::Meta, digest: Option<&Sha512>| {
        let (class, redirect) = (
            meta.storage_class.as_deref(),
            meta.website_redirect.as_deref(),
        );
        judge(file, meta.size, class, redirect, digest)
    };
    if let invalid @ Verdict::Invalid(_) = class(&meta, None) {
        return Ok(Some(invalid));
    }
    let Some((meta, digest)) = sha512_of(region.store.as_ref(), &key).await? else {
        return Ok(None);
    };
    let verdict = class(&meta, Some(&Sha512::parse(&digest)?));
    if verdict == Verdict::Valid {
        region.store.make_private(&key).await?;
    }
    Ok(Some(verdict))
}

/// Ends a pending upload, unless another URL was handed out since it was looked at: then the object
/// may change again, and nothing is decided.
async fn settle(
    state: &State,
    file: &File,
    pending: Pending,
    is_stored: bool,
    outcome: Checked,
) -> Result<Checked> {
    let digest = file.digest.clone();
    let is_settled = state
        .db
        .write(move |conn| {
            let Some(file) = repo::file_lock_in_txn(conn, &digest)? else {
                return Ok(false);
            };
            if repo::pending_lock_in_txn(conn, file.id)?.as_ref() != Some(&pending) {
                return Ok(false);
            }
            if is_stored {
                repo::instance_insert_in_txn(conn, file.id, &pending.region)?;
            }
            repo::pending_delete_in_txn(conn, file.id)?;
            Ok(true)
        })
        .await?;
    let again = Duration::from_secs(state.settings.own.upload_expires_secs.into());
    Ok(if is_settled {
        outcome
    } else {
        Checked::TooEarly(again)
    })
}

/// Checks every pending upload whose URL has ended. One that fails does not stop the others. Returns
/// how many failed.
///
/// # Errors
/// The database does not answer.
pub async fn pending_check_all(state: &State) -> Result<usize> {
    let (mut after, mut failed) = (0, 0);
    loop {
        let now = state.clock.now().naive_utc();
        let due = state
            .db
            .read(move |conn| Ok(repo::pending_due(conn, now, after, PAGE)?))
            .await?;
        let Some((last, _)) = due.last() else {
            return Ok(failed);
        };
        after = *last;
        for (_, digest) in &due {
            if let Err(error) = check_patiently(state, digest).await {
                failed += 1;
                tracing::error!(
                    file.digest = %digest, error = error.chain(), "check of {digest} failed"
                );
            }
        }
    }
}

/// Waits out the grace of a URL that has ended, and no longer.
async fn check_patiently(state: &State, digest: &Sha512) -> Result<Checked> {
    match pending_check(state, digest).await? {
        Checked::TooEarly(wait) if wait <= GRACE.to_std().unwrap_or_default() => {
            tokio::time::sleep(wait).await;
            pending_check(state, digest).await
        }
        checked => Ok(checked),
    }
}
