// SPDX-License-Identifier: MPL-2.0
//! `upload`: announces the files of a manifest as one batch, sends their bytes to the store and
//! tells the server that they are there.

mod batch;
mod notify;
mod put;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};

use crate::{
    api::{Api, Error as ApiError},
    digest::Sha512,
    manifest::Manifest,
    record::{FileState, Record, states_in},
};

/// URLs live for a minute, so all files are sent at once, up to what a process may have open.
const PARALLEL_PUTS: usize = 64;

/// What to upload and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the files.
    pub folder: PathBuf,
    /// What the batch is about.
    pub message: String,
    /// The region to prefer.
    pub region: Option<String>,
    /// Notifications at a time.
    pub jobs: usize,
    /// How long to wait for the server's verification; `None` is not to wait.
    pub wait: Option<Duration>,
}

/// Why an upload did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is absent or differs from its record.
    #[error("manifest is invalid")]
    ManifestInvalid,
    /// A record does not say who may download the file.
    #[error("visibility of '{0}' must be public or internal")]
    Visibility(String),
    /// The batch was not accepted.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Files could not be sent, or were not verified.
    #[error("The following files failed: '{}'", .0.join("', '"))]
    Files(Vec<String>),
}

/// A file of the batch that still has to be sent.
#[derive(Debug, Clone)]
struct Item {
    record: Record,
    digest: Sha512,
    size_bytes: u64,
}

/// Uploads the files of a manifest.
///
/// # Errors
/// The manifest does not fit the files, the server refuses the batch, or files cannot be sent.
/// Failing notifications are logged only: the server finds uploads without them.
pub async fn upload(manifest: &Manifest, options: &Options, api: &Api) -> Result<(), Error> {
    let (manifest, folder) = (manifest.clone(), options.folder.clone());
    // Hashing takes long, and an interruption shall be noticed meanwhile.
    let busy = api.log().progress().busy("the files", "are checked");
    let items = tokio::task::spawn_blocking(move || check(&manifest, &folder)).await;
    drop(busy);
    let items = items.unwrap_or(Err(Error::ManifestInvalid))?;
    begin_progress(&items, api);
    let (sent, mut failed) = send(items, options, api).await?;
    let digests: BTreeSet<_> = sent.iter().map(|item| item.digest).collect();
    let notified = stream::iter(digests).map(|digest| notify::complete(api, digest));
    notified
        .buffer_unordered(options.jobs.max(1))
        .collect::<()>()
        .await;
    if let Some(limit) = options.wait {
        failed.extend(wait(&sent, limit, options, api).await);
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Files(failed))
    }
}

fn begin_progress(items: &[Item], api: &Api) {
    let files = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let sizes = items.iter().map(|item| item.size_bytes);
    let total = sizes.fold(0_u64, u64::saturating_add);
    api.log().progress().begin(files, total);
}

/// Waits for the verification of all files; returns the names of those without.
async fn wait(sent: &[Item], limit: Duration, options: &Options, api: &Api) -> Vec<String> {
    // One deadline for all, although not all are asked for at once.
    let started = Instant::now();
    let waits = sent.iter().map(async |item| {
        let name = &item.record.filename;
        match notify::verified(api, item.digest, started, limit).await {
            Ok(()) => {
                api.log().info(format_args!("{name}: verified"));
                None
            }
            Err(reason) => {
                api.log()
                    .error(format_args!("{name}: not verified: {reason}"));
                Some(name.clone())
            }
        }
    });
    let outcomes = stream::iter(waits)
        .buffered(options.jobs.max(1))
        .collect::<Vec<_>>()
        .await;
    outcomes.into_iter().flatten().collect()
}

fn check(manifest: &Manifest, folder: &Path) -> Result<Vec<Item>, Error> {
    let records: Vec<_> = manifest.records().collect();
    let mut items: Vec<Item> = Vec::new();
    let mut names = BTreeSet::new();
    for (record, state) in records.iter().zip(states_in(folder, &records)) {
        if state != FileState::Valid {
            return Err(Error::ManifestInvalid);
        }
        if !matches!(record.visibility.as_deref(), Some("public" | "internal")) {
            return Err(Error::Visibility(record.filename.clone()));
        }
        // The same file named twice, since both are valid.
        if names.insert(&record.filename) {
            items.push(item(record, folder).ok_or(Error::ManifestInvalid)?);
        }
    }
    Ok(items)
}

fn item(record: &Record, folder: &Path) -> Option<Item> {
    let metadata = folder.join(&record.filename).metadata().ok()?;
    Some(Item {
        record: record.clone(),
        digest: record.expected().ok()?.digest,
        size_bytes: metadata.len(),
    })
}

/// Sends all files; those that fail are announced again, because their URLs have a short life.
/// Returns the files that were sent, and the names of those that could not be.
async fn send(
    items: Vec<Item>,
    options: &Options,
    api: &Api,
) -> Result<(Vec<Item>, Vec<String>), ApiError> {
    let pace = api.transport().pace;
    let mut sent = Vec::new();
    let mut waiting = items;
    for attempt in 1.. {
        waiting = round(waiting, &mut sent, options, api).await?;
        if waiting.is_empty() || attempt >= pace.tries {
            break;
        }
        let pause = pace.pause(attempt, None);
        api.log().warning(format_args!(
            "asking for new URLs for {} files in {:.1} seconds",
            waiting.len(),
            pause.as_secs_f64()
        ));
        tokio::time::sleep(pause).await;
    }
    let failed = waiting.into_iter().map(|item| item.record.filename);
    Ok((sent, failed.collect()))
}

/// Announces and sends files once; returns those that could not be sent.
async fn round(
    items: Vec<Item>,
    sent: &mut Vec<Item>,
    options: &Options,
    api: &Api,
) -> Result<Vec<Item>, ApiError> {
    let urls = batch::create(&items, options, api).await?;
    let mut missing = Vec::new();
    for (item, url) in items.into_iter().zip(urls) {
        match url {
            Some(url) => missing.push((item, url)),
            None => {
                let name = &item.record.filename;
                api.log()
                    .info(format_args!("{name}: already exists on server"));
                api.log().progress().skip(item.size_bytes);
            }
        }
    }
    let puts = missing.into_iter().map(async |(item, url)| {
        let outcome = put::put(api, &options.folder, &item, url).await;
        (item, outcome)
    });
    let outcomes: Vec<_> = stream::iter(puts).buffered(PARALLEL_PUTS).collect().await;
    let mut unsent = Vec::new();
    for (item, outcome) in outcomes {
        match outcome {
            Ok(()) => sent.push(item),
            Err(put::Unsent) => unsent.push(item),
        }
    }
    Ok(unsent)
}
