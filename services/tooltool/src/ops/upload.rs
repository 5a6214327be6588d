// SPDX-License-Identifier: MPL-2.0
//! Uploads: announcing a batch, and saying that the bytes were sent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};
use releng_queue::Queue as _;
use releng_store::SignedUrl;

use super::pending::ready_in;
use super::work::Work;
use crate::domain::{NewBatch, NewFile, Pending, Sha512};
use crate::{State, repo};

/// A batch that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Id.
    pub id: i32,
    /// Client id of the uploader.
    pub author: String,
    /// What it is about.
    pub message: String,
    /// Its files.
    pub files: Vec<AcceptedFile>,
}

/// A file of a batch that was accepted.
#[derive(Debug)]
pub struct AcceptedFile {
    /// As it was announced.
    pub file: NewFile,
    /// Where to send the bytes; `None`: they are there already.
    pub put_url: Option<SignedUrl>,
}

/// Where a batch goes, and until when.
struct Terms {
    author: String,
    region: String,
    now: NaiveDateTime,
    expires: NaiveDateTime,
}

/// Stores a batch, all or nothing, and returns URLs for the files that are missing.
///
/// # Errors
/// `InvalidInput` in the words of the contract when a file is known otherwise.
pub async fn upload_create(
    state: &State,
    author: &str,
    batch: NewBatch,
    preferred: Option<&str>,
) -> Result<Accepted> {
    let chosen = state.regions.choose(preferred, state.regions.names());
    let Some((name, region)) = chosen.and_then(|name| Some((name, state.regions.get(name)?)))
    else {
        return Err(Error::internal("no region is configured"));
    };
    let secs = state.settings.own.upload_expires_secs;
    // Signed before the transaction: no row may stay behind when the store cannot sign.
    let mut urls = HashMap::new();
    for file in batch.distinct() {
        urls.insert(
            file.digest.clone(),
            region.sign_put(&file.digest, secs).await?,
        );
    }
    // After signing, so that no URL lives longer than its row says.
    let now = state.clock.now().naive_utc();
    let expires = now
        .checked_add_signed(TimeDelta::seconds(secs.into()))
        .ok_or_else(|| Error::internal("the clock is beyond all dates"))?;
    let terms = Terms {
        author: author.to_owned(),
        region: name.to_owned(),
        now,
        expires,
    };
    let announced = batch.clone();
    let (id, missing) = state
        .db
        .write(move |conn| announce_in_txn(conn, &announced, &terms))
        .await?;
    let with_url = |file: &NewFile| {
        let url = urls
            .get(&file.digest)
            .filter(|_| missing.contains(&file.digest));
        AcceptedFile {
            file: file.clone(),
            put_url: url.cloned(),
        }
    };
    Ok(Accepted {
        id,
        author: author.to_owned(),
        message: batch.message().to_owned(),
        files: batch.files().iter().map(with_url).collect(),
    })
}

/// Writes all rows of a batch; returns its id and the digests that have no instance.
fn announce_in_txn(
    conn: &mut AnyConnection,
    batch: &NewBatch,
    terms: &Terms,
) -> TxResult<(i32, HashSet<Sha512>)> {
    let mut missing = HashSet::new();
    let mut ids = HashMap::new();
    for file in batch.distinct() {
        let (id, is_missing) = file_announce_in_txn(conn, file, terms)?;
        ids.insert(&file.digest, id);
        if is_missing {
            missing.insert(file.digest.clone());
        }
    }
    let id = repo::batch_insert_in_txn(conn, terms.now, &terms.author, batch.message())?;
    for file in batch.files() {
        if let Some(file_id) = ids.get(&file.digest) {
            repo::batch_file_insert_in_txn(conn, id, *file_id, file.filename.as_str())?;
        }
    }
    Ok((id, missing))
}

/// Makes a file known or checks it against what is known, and notes the pending upload.
fn file_announce_in_txn(
    conn: &mut AnyConnection,
    new: &NewFile,
    terms: &Terms,
) -> TxResult<(i32, bool)> {
    repo::file_ensure_in_txn(conn, new)?;
    let known = repo::file_lock_in_txn(conn, &new.digest)?
        .ok_or_else(|| Error::internal("a file vanished inside its transaction"))?;
    let pending = repo::pending_lock_in_txn(conn, known.id)?;
    let is_open = pending.as_ref().is_none_or(|p| !p.is_live(terms.now));
    new.check_against(&known, is_open)?;
    if known.has_instances() {
        return Ok((known.id, false));
    }
    if (known.size, known.visibility) != (new.size, new.visibility) {
        repo::file_update_in_txn(conn, known.id, new.size, new.visibility)?;
    }
    let upload = Pending {
        file_id: known.id,
        // An earlier URL may live longer when the setting was lowered since.
        expires: pending.map_or(terms.expires, |p| p.expires.max(terms.expires)),
        region: terms.region.clone(),
    };
    repo::pending_upsert_in_txn(conn, &upload)?;
    Ok((known.id, true))
}

/// What became of the word that an upload is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The file will be checked, or there is nothing to check.
    Accepted,
    /// The URL still lives: come back after so many seconds.
    TooEarly(u64),
}

/// Asks for the verification of a file. Only files that wait for one get a job: anybody may ask.
///
/// # Errors
/// The database does not answer. A job that cannot be queued is logged: the schedule finds the upload.
pub async fn upload_complete(state: &State, digest: &Sha512) -> Result<Completion> {
    let wanted = digest.clone();
    let pending = state
        .db
        .read(move |conn| match repo::file_fetch(conn, &wanted)? {
            Some(file) => Ok(repo::pending_fetch(conn, file.id)?),
            None => Ok(None),
        })
        .await?;
    let Some(pending) = pending else {
        return Ok(Completion::Accepted);
    };
    let now = state.clock.now().naive_utc();
    if pending.is_live(now) {
        let remaining = pending.expires.signed_duration_since(now).num_seconds();
        return Ok(Completion::TooEarly(
            u64::try_from(remaining).unwrap_or(0) + 1,
        ));
    }
    let delay = ready_in(&pending, now).unwrap_or(Duration::ZERO);
    let job = Work::Check(digest.clone()).job().with_delay(delay);
    if let Err(error) = state.queue.send(job).await {
        tracing::warn!(file.digest = %digest, error = error.chain(), "check of {digest} not queued");
    }
    Ok(Completion::Accepted)
}
