// SPDX-License-Identifier: MPL-2.0
//! Uploads: announcing a batch, and saying that the bytes were sent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};
use releng_queue::Queue as _;
use releng_store::SignedUrl;

use super::lease::is_deleting_in_txn;
use super::pending::ready_in;
use super::work::Work;
use super::{BEING_DELETED, PATIENCE, PAUSE};
use crate::domain::{File, NewBatch, NewFile, Pending, Sha512};
use crate::regions::RegionStore;
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
#[derive(Clone)]
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
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        // Signed before the transaction: no row may stay behind when the store cannot sign.
        let urls = urls(state, region, &batch).await?;
        // After signing, so that no URL lives longer than its row says.
        let terms = Terms::now(state, author, name)?;
        let announced = batch.clone();
        let work = move |conn: &mut AnyConnection| announce_in_txn(conn, &announced, &terms);
        match state.db.write(work).await {
            // Objects of the batch are being deleted; URLs of now would be old when that is over.
            Err(error)
                if error.message() == BEING_DELETED && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            written => {
                let (id, missing) = written?;
                return Ok(accepted(id, author, &batch, &urls, &missing));
            }
        }
    }
}

/// Returns a URL for each file.
async fn urls(
    state: &State,
    region: &RegionStore,
    batch: &NewBatch,
) -> Result<HashMap<Sha512, SignedUrl>> {
    let secs = state.settings.own.upload_expires_secs;
    let mut urls = HashMap::new();
    for file in batch.distinct() {
        let url = region.sign_put(&file.digest, secs).await?;
        urls.insert(file.digest.clone(), url);
    }
    Ok(urls)
}

impl Terms {
    fn now(state: &State, author: &str, region: &str) -> Result<Self> {
        let now = state.clock.now().naive_utc();
        let life = TimeDelta::seconds(state.settings.own.upload_expires_secs.into());
        let expires = now.checked_add_signed(life);
        Ok(Self {
            author: author.to_owned(),
            region: region.to_owned(),
            now,
            expires: expires.ok_or_else(|| Error::internal("the clock is beyond all dates"))?,
        })
    }
}

fn accepted(
    id: i32,
    author: &str,
    batch: &NewBatch,
    urls: &HashMap<Sha512, SignedUrl>,
    missing: &HashSet<Sha512>,
) -> Accepted {
    let with_url = |file: &NewFile| {
        let url = urls
            .get(&file.digest)
            .filter(|_| missing.contains(&file.digest));
        AcceptedFile {
            file: file.clone(),
            put_url: url.cloned(),
        }
    };
    Accepted {
        id,
        author: author.to_owned(),
        message: batch.message().to_owned(),
        files: batch.files().iter().map(with_url).collect(),
    }
}

/// Writes all rows of a batch; returns its id and the digests that have no instance.
fn announce_in_txn(
    conn: &mut AnyConnection,
    batch: &NewBatch,
    terms: &Terms,
) -> TxResult<(i32, HashSet<Sha512>)> {
    let news = batch.distinct();
    let digests: Vec<&Sha512> = news.iter().map(|new| &new.digest).collect();
    repo::file_ensure_all_in_txn(conn, &news)?;
    let files: HashMap<Sha512, File> = repo::file_lock_all_in_txn(conn, &digests)?
        .into_iter()
        .map(|file| (file.digest.clone(), file))
        .collect();
    // Looked at under the locks: whoever wants to begin to delete objects waits for this transaction. The
    // object that is deleted might be the next one to come.
    if is_deleting_in_txn(conn, &digests, terms.now)? {
        return Err(Error::unavailable(BEING_DELETED).into());
    }
    let missing = files_announce_in_txn(conn, &news, &files, terms)?;
    let id = repo::batch_insert_in_txn(conn, terms.now, &terms.author, batch.message())?;
    let entries: Vec<(i32, &str)> = batch
        .files()
        .iter()
        .filter_map(|new| Some((files.get(&new.digest)?.id, new.filename.as_str())))
        .collect();
    repo::batch_file_insert_all_in_txn(conn, id, &entries)?;
    Ok((id, missing))
}

/// Checks files against what is known of them, and notes pending uploads of those without instance,
/// whose digests it returns.
fn files_announce_in_txn(
    conn: &mut AnyConnection,
    news: &[&NewFile],
    files: &HashMap<Sha512, File>,
    terms: &Terms,
) -> TxResult<HashSet<Sha512>> {
    let ids: Vec<i32> = files.values().map(|file| file.id).collect();
    let mut pending: HashMap<i32, Pending> = repo::pending_lock_all_in_txn(conn, &ids)?
        .into_iter()
        .map(|pending| (pending.file_id, pending))
        .collect();
    let (mut missing, mut uploads) = (HashSet::new(), Vec::new());
    for new in news {
        let known = files
            .get(&new.digest)
            .ok_or_else(|| Error::internal("a file vanished inside its transaction"))?;
        let pending = pending.remove(&known.id);
        let is_open = pending.as_ref().is_none_or(|p| !p.is_live(terms.now));
        new.check_against(known, is_open)?;
        if known.has_instances() {
            continue;
        }
        if (known.size, known.visibility) != (new.size, new.visibility) {
            repo::file_update_in_txn(conn, known.id, new.size, new.visibility)?;
        }
        uploads.push(Pending {
            file_id: known.id,
            // An earlier URL may live longer when the setting was lowered since.
            expires: pending.map_or(terms.expires, |p| p.expires.max(terms.expires)),
            region: terms.region.clone(),
        });
        missing.insert(new.digest.clone());
    }
    repo::pending_upsert_all_in_txn(conn, &uploads)?;
    Ok(missing)
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
    if let Some(pulse) = &state.pulse {
        pulse.tell_sent(digest, &state.clock);
    }
    Ok(Completion::Accepted)
}
