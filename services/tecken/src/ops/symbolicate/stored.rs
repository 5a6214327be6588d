// SPDX-License-Identifier: MPL-2.0
//! Symbols from an index in a store: the pages that the addresses need, by ranges, or all of it when
//! that is many of them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use releng_common::pool::Pool;
use releng_common::{Error, Kind, Result};
use releng_store::{ByteRange, Object};
use releng_symbols::Symbols;
use releng_symbols::index::{Detail, Index, Resolve};
use tokio_util::io::StreamReader;

use super::load;
use super::near::Pages;
use crate::State;
use crate::ops::ask;
use crate::state::{Module, Place, Room, StoredIndex};

/// Ranges of one index that are read at the same time: those of a few stacks, so that they take one
/// round trip.
const RANGES_AT_ONCE: usize = 128;
/// An index below this size is brought as a whole: it costs no more than a few ranges.
const SMALL_BYTES: u64 = 256 << 10;
/// Addresses that may be looked for without a thread of their own: some microseconds each.
const FEW: usize = 256;

/// A module, and what is wanted of it.
pub(super) struct Want<'a> {
    pub(super) module: &'a Module,
    pub(super) index: &'a Arc<Index>,
    pub(super) stored: &'a StoredIndex,
    pub(super) addresses: &'a Arc<[u64]>,
    pub(super) detail: Detail,
    pub(super) room: &'a Room,
}

/// What came of it.
pub(super) enum Got {
    Symbols(Arc<dyn Symbols>),
    /// The index is now on the local disk.
    Near,
    /// The index in the store is no longer the one that was opened, or damaged.
    Stale,
}

/// Looks the addresses up.
pub(super) async fn resolve(state: &State, pool: &Pool, want: &Want<'_>) -> Result<Got> {
    let mut resolve = begin(state, pool, want).await?;
    let mut held = Pages::default();
    loop {
        held.hold(want.room, &resolve)?;
        if resolve.wanted().is_empty() {
            return Ok(Got::Symbols(Arc::new(resolve.finish())));
        }
        let ranges = resolve.wanted().to_vec();
        let read = want.stored.count(ranges.iter().map(length).sum());
        let size = want.index.index_bytes();
        // When as much was read as it has: before, a request over many small modules, which wants half of
        // each, would read twice of what it wants. So no index costs more than twice its bytes.
        let is_whole = size < SMALL_BYTES || read > size;
        if is_whole && want.stored.may_bring() && bring(state, want).await {
            return Ok(Got::Near);
        }
        let Some(pieces) = read_ranges(state, want.stored, &ranges, size).await? else {
            return Ok(Got::Stale);
        };
        let cache = Arc::clone(&state.pages);
        let supply = move || {
            let supplied = resolve.supply(&cache, &pieces);
            Ok(supplied.map(|()| resolve))
        };
        resolve = match pool.run(supply).await? {
            Ok(resolve) => resolve,
            Err(error) => {
                load::bad_index(want.stored.key.as_str(), &error);
                state.modules.distrust(want.stored).await;
                return Ok(Got::Stale);
            }
        };
    }
}

async fn begin(state: &State, pool: &Pool, want: &Want<'_>) -> Result<Resolve> {
    let (index, cache) = (Arc::clone(want.index), Arc::clone(&state.pages));
    let (addresses, detail) = (Arc::clone(want.addresses), want.detail);
    let begin = move || Resolve::new(index, &cache, &addresses, detail);
    if want.addresses.len() <= FEW {
        return Ok(begin());
    }
    pool.run(move || Ok(begin())).await
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// Reads ranges of the version that was opened; nothing when that is gone.
async fn read_ranges(
    state: &State,
    stored: &StoredIndex,
    ranges: &[Range<u64>],
    size: u64,
) -> Result<Option<Vec<Bytes>>> {
    stream::iter(ranges)
        .map(|range| async move {
            let turn = state.lanes.ranges.acquire().await;
            let _turn = turn.map_err(|e| Error::internal("no turn").with_source(e))?;
            let question = || async {
                let part = ByteRange::Inclusive(range.start, range.end.saturating_sub(1));
                let got = ask::get(state, &stored.source, &stored.key, Some(part)).await;
                let object = match got {
                    Ok(Some((object, _))) => object,
                    Ok(None) => return Ok(None),
                    // It is shorter than it was.
                    Err(error) if error.kind() == Kind::InvalidInput => return Ok(None),
                    Err(error) => return Err(error),
                };
                if !is_same(stored, &object, size) || object.range != *range {
                    return Ok(None);
                }
                object.bytes(length(range)).await.map(Some)
            };
            ask::stubbornly(state, &stored.source, stored.key.as_str(), question).await
        })
        .buffered(RANGES_AT_ONCE)
        .try_collect::<Vec<Option<Bytes>>>()
        .await
        .map(|pieces| pieces.into_iter().collect())
}

fn is_same(stored: &StoredIndex, object: &Object, size: u64) -> bool {
    object.meta.etag == stored.etag && object.meta.size == size
}

/// Copies the whole index to the local disk. Where that does not work, ranges have to do.
async fn bring(state: &State, want: &Want<'_>) -> bool {
    let size = want.index.index_bytes();
    let folder = Arc::clone(&state.index_folder);
    let Ok(Ok((file, draft))) = tokio::task::spawn_blocking(move || folder.draft()).await else {
        return false;
    };
    let got = ask::get(state, &want.stored.source, &want.stored.key, None).await;
    let Ok(Some((object, _))) = got else {
        return false;
    };
    if !is_same(want.stored, &object, size) {
        return false;
    }
    let mut file = tokio::fs::File::from_std(file);
    let mut reader = StreamReader::new(object.stream);
    let copied = tokio::io::copy(&mut reader, &mut file).await;
    let flushed = tokio::io::AsyncWriteExt::flush(&mut file).await;
    if !matches!((copied, flushed), (Ok(bytes), Ok(())) if bytes == size) {
        metrics::counter!("tecken.symbolicate_index_disk_refused").increment(1);
        return false;
    }
    let file = file.into_std().await;
    let (folder, name) = (Arc::clone(&state.index_folder), want.module.name.clone());
    let keep = move || {
        let is_kept = folder.keep(&name, draft, size)?;
        Ok::<_, std::io::Error>(is_kept.then(|| folder.local(&name, file)))
    };
    let Ok(Ok(Some(local))) = tokio::task::spawn_blocking(keep).await else {
        return false;
    };
    let place = Place::File(Arc::clone(want.index), local);
    want.module.move_to(place);
    true
}
