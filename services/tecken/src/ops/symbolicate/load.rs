// SPDX-License-Identifier: MPL-2.0
//! Where a module's symbols are: the locations in their order, and in each the local copy of an
//! index, the index beside the symbol file, the symbol file itself.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use releng_common::pool::Pool;
use releng_common::{Kind, Result};
use releng_store::{ByteRange, Key, Meta};
use releng_symbols::ModuleKey;
use releng_symbols::index::{Index, IndexError, Opened, TAIL_BYTES};
use uuid::Uuid;

use super::make;
use crate::State;
use crate::ops::{ask, index};
use crate::state::{Found, IndexName, Loaded, Module, Place, Source, StoredIndex};

/// Longest end of an index that is read for its root.
const MAX_TAIL_BYTES: u64 = 256 << 20;

/// Keys of a module below the prefix of a location.
pub(super) struct Paths {
    pub(super) module: ModuleKey,
    pub(super) file: String,
    index: String,
}

impl Paths {
    fn of(state: &State, key: &ModuleKey) -> Self {
        let prefix = match state.settings.own.symbol_file_prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            module: key.clone(),
            file: format!("{prefix}{}", key.store_path()),
            index: format!("{prefix}{}", key.index_path()),
        }
    }

    /// Returns the names of both objects in a location that can have them.
    pub(super) fn keys(&self, source: &Source) -> Option<(Key, Key)> {
        Some((source.key(&self.file)?, source.key(&self.index)?))
    }
}

/// What a location has of a module.
struct Candidate<'a> {
    source: &'a Source,
    /// The symbol file.
    file: Meta,
    /// The end of the index, when there is one of this very file.
    tail: Option<Tail>,
}

struct Tail {
    index: Meta,
    bytes: Bytes,
}

/// Finds a module in the first location that has a usable file. Unusable ones are passed over.
pub(super) async fn load(state: &State, pool: &Pool, key: &ModuleKey) -> Result<Loaded> {
    let paths = Paths::of(state, key);
    let mut loaded = Loaded {
        found: Found::NotFound,
        file_bytes: 0,
        downloads: 0,
    };
    // Nearly all files are in the first location. When it has none the others are asked together,
    // so that a miss costs two round trips however many there are.
    let sources = state.sources.readable(true);
    let mut probes: Vec<_> = sources.map(|at| probe(state, at, &paths).boxed()).collect();
    let others = probes.split_off(1.min(probes.len()));
    let at_once = others.len().max(1);
    let first = stream::iter(probes).buffered(1);
    let others = stream::iter(others).buffered(at_once);
    let mut candidates = std::pin::pin!(first.chain(others));
    while let Some(candidate) = candidates.next().await {
        let Some(candidate) = candidate? else {
            continue;
        };
        let Some(taken) = take(state, pool, &candidate, &paths).await? else {
            continue;
        };
        loaded.downloads += taken.downloads;
        loaded.file_bytes = loaded.file_bytes.saturating_add(taken.file_bytes);
        loaded.found = taken.found;
        if loaded.found.module().is_some() {
            break;
        }
        let location = &candidate.source.place.location;
        tracing::warn!(source = %location, path = paths.file, "symbol file is not usable");
    }
    if loaded.found.module().is_none() {
        metrics::counter!("tecken.symbolicate_download_fail").increment(1);
    }
    Ok(loaded)
}

/// Asks for the symbol file and for the end of its index at once.
async fn probe<'a>(
    state: &State,
    source: &'a Source,
    paths: &Paths,
) -> Result<Option<Candidate<'a>>> {
    let Some((file_key, index_key)) = paths.keys(source) else {
        return Ok(None);
    };
    let file = ask::stubbornly(state, source, &paths.file, || {
        ask::in_time(state, source.store.head(&file_key))
    });
    let tail = tail(state, source, &index_key, TAIL_BYTES);
    let (file, tail) = futures_util::join!(file, tail);
    let Some(file) = file? else {
        return Ok(None);
    };
    let tail = tail.filter(|tail| {
        index::is_of(&tail.index, &file.etag)
            && !state.modules.is_bad(source, &index_key, &tail.index.etag)
    });
    Ok(Some(Candidate { source, file, tail }))
}

/// Reads the end of an index. Without it there is another way to the symbols, so that every failure
/// is as if there were none.
async fn tail(state: &State, source: &Source, key: &Key, tail_bytes: u64) -> Option<Tail> {
    let question = || async {
        let range = Some(ByteRange::Suffix(tail_bytes));
        let Some((object, _)) = ask::get(state, source, key, range).await? else {
            return Ok(None);
        };
        let index = object.meta.clone();
        let bytes = object.bytes(tail_bytes).await?;
        Ok(Some(Tail { index, bytes }))
    };
    match ask::stubbornly(state, source, key.as_str(), question).await {
        Ok(tail) => tail,
        // An empty object has no end.
        Err(error) if error.kind() == Kind::InvalidInput => None,
        Err(error) => {
            tracing::warn!(key = %key, error = error.chain(), "a symbol index cannot be read");
            None
        }
    }
}

/// Takes the symbols from the nearest place that has them.
async fn take(
    state: &State,
    pool: &Pool,
    candidate: &Candidate<'_>,
    paths: &Paths,
) -> Result<Option<Loaded>> {
    let Candidate { source, file, tail } = candidate;
    let name = index_name(source, &paths.file, &file.etag);
    if let Some(module) = local(state, pool, &name).await? {
        return Ok(Some(of_module(module, 0)));
    }
    if let Some(tail) = tail
        && let Some(module) = stored(state, pool, source, tail, &paths.index, name).await?
    {
        return Ok(Some(of_module(module, 1)));
    }
    make::make(state, source, paths).await
}

/// Returns the name of the local copy. Without a tag versions cannot be told apart: then the name is
/// found by nobody again.
pub(super) fn index_name(source: &Source, path: &str, etag: &str) -> IndexName {
    let location = source.place.location.to_string();
    if etag.is_empty() {
        return IndexName::of(&location, path, &Uuid::new_v4().to_string());
    }
    IndexName::of(&location, path, etag)
}

fn of_module(module: Module, downloads: u64) -> Loaded {
    Loaded {
        file_bytes: module.file_bytes,
        found: Found::Module(Arc::new(module)),
        downloads,
    }
}

/// Opens the local copy of an index. One that is damaged, or of another format, is thrown away.
async fn local(state: &State, pool: &Pool, name: &IndexName) -> Result<Option<Module>> {
    let (folder, name) = (Arc::clone(&state.index_folder), name.clone());
    let open = move || {
        let Some(file) = folder.open_index(&name) else {
            return Ok(None);
        };
        match Index::open(&file) {
            Ok(index) => {
                let file_bytes = index.file_bytes();
                let place = Place::File(Arc::new(index), folder.local(&name, file));
                Ok(Some(Module::new(name, file_bytes, place)))
            }
            Err(error) => {
                bad_index(name.as_str(), &error);
                folder.remove(&name);
                Ok(None)
            }
        }
    };
    pool.run(open).await
}

/// Opens the index in a store from its end.
async fn stored(
    state: &State,
    pool: &Pool,
    source: &Source,
    tail: &Tail,
    path: &str,
    name: IndexName,
) -> Result<Option<Module>> {
    let (Some(key), size) = (source.key(path), tail.index.size) else {
        return Ok(None);
    };
    let etag = tail.index.etag.clone();
    let mut bytes = tail.bytes.clone();
    let opened = loop {
        let end = bytes.clone();
        match pool.run(move || Ok(Index::from_tail(&end, size))).await? {
            Ok(Opened::Index(index)) => break Ok(index),
            Ok(Opened::More { tail_bytes })
                if tail_bytes <= size.min(MAX_TAIL_BYTES) && tail_bytes > count(&bytes) =>
            {
                match self::tail(state, source, &key, tail_bytes).await {
                    Some(more) if more.index.etag == etag => bytes = more.bytes,
                    _ => return Ok(None),
                }
            }
            Ok(Opened::More { .. }) => break Err(IndexError::NoIndex),
            Err(error) => break Err(error),
        }
    };
    let index: Arc<Index> = match opened {
        Ok(index) => Arc::from(index),
        Err(error) => {
            bad_index(path, &error);
            let stored = StoredIndex::new(source.clone(), key, etag, 0);
            state.modules.distrust(&stored).await;
            return Ok(None);
        }
    };
    let file_bytes = index.file_bytes();
    let stored = StoredIndex::new(source.clone(), key, etag, count(&bytes));
    let stored = Arc::new(stored);
    let place = if count(&bytes) == size {
        // The end was all of it.
        Place::Memory(index, bytes)
    } else {
        Place::Stored(index, Arc::clone(&stored))
    };
    Ok(Some(
        Module::new(name, file_bytes, place).with_origin(stored),
    ))
}

fn count(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Counts and logs an index that cannot be used. It is made anew.
pub(super) fn bad_index(name: &str, error: &IndexError) {
    metrics::counter!("tecken.symbolicate_index_bad").increment(1);
    tracing::warn!(name, %error, "a symbol index cannot be used");
}
