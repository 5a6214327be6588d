// SPDX-License-Identifier: MPL-2.0
//! Makes the missing indexes of all symbol files that are stored already. Nothing remembers how far
//! it came: what has its index is passed over, so a job that was stopped is started again.

use std::io::{BufReader, BufWriter, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{Stream, StreamExt as _, stream};
use releng_common::{Error, Result};
use releng_store::{Key, Listed, PAGE_MAX};
use releng_symbols::ModuleKey;
use releng_symbols::index::BuildError;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::symbolicate::unpack;
use super::{ask, index};
use crate::State;
use crate::state::{Source, SpoolFile};

/// Bytes that are unpacked or written at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Failures in a row after which the job gives up: the store is out of order.
const MAX_FAILURES: u32 = 20;

/// What to do.
#[derive(Clone, Debug)]
pub struct IndexJob {
    /// What the keys begin with, below `SYMBOL_FILE_PREFIX`.
    pub prefix: String,
    /// Files at the same time.
    pub workers: usize,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A page of a list told of so many more symbol files.
    Listed(u64),
    /// A symbol file was dealt with.
    Done {
        /// Its location and key.
        file: String,
        /// What came of it.
        outcome: Outcome,
    },
}

/// What came of a symbol file.
#[derive(Debug)]
pub enum Outcome {
    /// An index of so many bytes was made.
    Made(u64),
    /// It has its index.
    Present,
    /// It is no symbol file, or exceeds `SYMBOL_MAX_BYTES`.
    Unusable(String),
    /// It is gone.
    Gone,
    /// The store or the disk failed.
    Failed(Error),
}

/// The sums of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Indexes that were made.
    pub made: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that had theirs.
    pub present: u64,
    /// Files that can have none.
    pub unusable: u64,
    /// Files that failed; another run tries them again.
    pub failed: u64,
}

/// Does the job in every location that takes uploads, and reports on the way.
///
/// # Errors
/// A list cannot be read, or twenty files failed in a row.
pub async fn index_build(
    state: &State,
    job: &IndexJob,
    report: &(dyn Fn(&Event) + Sync),
) -> Result<Totals> {
    let mut totals = Totals::default();
    for source in state.sources.all() {
        if state.sources.takes_uploads(source) {
            in_location(state, source, job, report, &mut totals).await?;
        }
    }
    Ok(totals)
}

async fn in_location(
    state: &State,
    source: &Source,
    job: &IndexJob,
    report: &(dyn Fn(&Event) + Sync),
    totals: &mut Totals,
) -> Result<()> {
    let below = match state.settings.own.symbol_file_prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let work = files(source, &below, &job.prefix, report)
        .map(|found| async {
            let (file, index_key) = found?;
            let outcome = one(state, source, &file, &index_key).await;
            Ok::<_, Error>((file.key, outcome.unwrap_or_else(Outcome::Failed)))
        })
        .buffer_unordered(job.workers.max(1));
    let mut work = std::pin::pin!(work);
    let mut failures = 0;
    while let Some(done) = work.next().await {
        let (key, outcome): (String, Outcome) = done?;
        failures = match outcome {
            Outcome::Failed(_) => failures + 1,
            _ => 0,
        };
        totals.add(&outcome);
        let file = format!("{}{key}", source.place.location);
        report(&Event::Done { file, outcome });
        if failures >= MAX_FAILURES {
            return Err(Error::unavailable(format!(
                "{failures} files in a row failed in {}",
                source.place.location
            )));
        }
    }
    Ok(())
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Made(bytes) => {
                self.made += 1;
                self.bytes = self.bytes.saturating_add(*bytes);
            }
            Outcome::Present => self.present += 1,
            Outcome::Unusable(_) => self.unusable += 1,
            Outcome::Gone => {}
            Outcome::Failed(_) => self.failed += 1,
        }
    }
}

/// Lists the symbol files of a location, page by page, with the keys of their indexes.
fn files<'a>(
    source: &'a Source,
    below: &'a str,
    prefix: &'a str,
    report: &'a (dyn Fn(&Event) + Sync),
) -> impl Stream<Item = Result<(Listed, Key)>> + 'a {
    let pages = stream::try_unfold(Some(None::<String>), move |after| async move {
        let Some(after) = after else {
            return Ok::<_, Error>(None);
        };
        let all = format!("{below}{prefix}");
        let page = source.store.list(&all, after.as_deref(), PAGE_MAX).await?;
        let last = page.objects.last().map(|object| object.key.clone());
        let next = last.filter(|_| page.is_truncated).map(Some);
        let files: Vec<_> = page
            .objects
            .into_iter()
            .filter_map(|file| {
                let index_key = index_key(source, below, &file.key)?;
                Some((file, index_key))
            })
            .collect();
        report(&Event::Listed(
            u64::try_from(files.len()).unwrap_or_default(),
        ));
        Ok(Some((files, next)))
    });
    pages.flat_map(|page| match page {
        Ok(files) => stream::iter(files.into_iter().map(Ok)).boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    })
}

/// Returns where the index of an object belongs, when the object is what symbolication reads.
fn index_key(source: &Source, below: &str, key: &str) -> Option<Key> {
    let path = key.strip_prefix(below)?;
    let mut segments = path.split('/');
    let module = ModuleKey::parse(segments.next()?, segments.next()?)?;
    if path != module.store_path() {
        return None;
    }
    source.key(&format!("{below}{}", module.index_path()))
}

async fn one(state: &State, source: &Source, file: &Listed, index_key: &Key) -> Result<Outcome> {
    let head = ask::stubbornly(state, source, index_key.as_str(), || {
        ask::in_time(state, source.store.head(index_key))
    });
    if head
        .await?
        .is_some_and(|meta| index::is_current(&meta, &file.etag))
    {
        return Ok(Outcome::Present);
    }
    let file_key = Key::parse(file.key.as_str())?;
    let make = || make(state, source, &file_key);
    let Some((made, etag)) = ask::stubbornly(state, source, &file.key, make).await? else {
        return Ok(Outcome::Gone);
    };
    match made {
        Ok((draft, bytes)) => {
            let body = releng_store::Body::File(draft.path().to_owned());
            index::put(source, index_key, body, &etag).await?;
            Ok(Outcome::Made(bytes))
        }
        Err(why) => Ok(Outcome::Unusable(why)),
    }
}

/// The index in a file with its size, or why there is none; and the tag of the symbol file.
type Made = (Result<(SpoolFile, u64), String>, String);

async fn make(state: &State, source: &Source, key: &Key) -> Result<Option<Made>> {
    let Some((object, broke_off)) = ask::get(state, source, key, None).await? else {
        return Ok(None);
    };
    let etag = object.meta.etag.clone();
    let is_packed = object.meta.content_encoding.as_deref() == Some("gzip");
    let reader = SyncIoBridge::new(StreamReader::new(object.stream));
    let (folder, limits) = (
        Arc::clone(&state.index_folder),
        index::limits(&state.settings.own),
    );
    let disk = |e: std::io::Error| Error::internal("the disk takes no index").with_source(e);
    let work = move || {
        let (out, draft) = folder.draft().map_err(disk)?;
        let mut writer = BufWriter::with_capacity(CHUNK_BYTES, &out);
        let made = unpack(BufReader::with_capacity(CHUNK_BYTES, reader), is_packed)
            .map_err(|e| BuildError::File(e.into()))
            .and_then(|file| index::make(file, &mut writer, limits));
        if broke_off.load(Ordering::SeqCst) {
            return Err(ask::silent("the object broke off"));
        }
        match made {
            Ok(built) => {
                writer.flush().map_err(disk)?;
                drop(writer);
                Ok(Ok((draft, built.index_bytes)))
            }
            Err(BuildError::File(error)) => Ok(Err(error.to_string())),
            Err(error) => Err(Error::internal("the disk takes no index").with_source(error)),
        }
    };
    let made = state.lanes.builds.run(work).await?;
    Ok(Some((made, etag)))
}
