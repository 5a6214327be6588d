// SPDX-License-Identifier: MPL-2.0
//! From a module's key to its table: the stores in order, unpacked and parsed while it arrives.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use futures_util::{StreamExt as _, stream};
use releng_common::{Error, Kind, Result};
use releng_store::{ByteStream, Object};
use releng_symbols::parse::Limits;
use releng_symbols::{ModuleKey, Outcome, SymbolTable};
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::State;
use crate::ops::is_refusal;
use crate::state::{Loaded, Source};

/// Tries of one store whose connection breaks off.
const TRIES: u32 = 3;
/// Longest pause between two pieces of a file.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// Wait before another try.
const BACKOFF: Duration = Duration::from_millis(100);

/// What one store has.
struct Fetched {
    outcome: Outcome,
    bytes: u64,
}

/// Loads a module from the first store that has a usable file. Unusable ones are passed over.
pub(super) async fn load(state: &State, key: &ModuleKey) -> Result<Loaded> {
    let prefix = &state.settings.own.symbol_file_prefix;
    let path = key.store_path();
    let path = if prefix.is_empty() {
        path
    } else {
        format!("{prefix}/{path}")
    };
    let mut loaded = Loaded {
        outcome: Outcome::NotFound,
        file_bytes: 0,
        downloads: 0,
    };
    for source in state.sources.readable(true) {
        let Some(fetched) = fetch_stubbornly(state, source, &path).await? else {
            continue;
        };
        loaded.downloads += 1;
        loaded.file_bytes = loaded.file_bytes.saturating_add(fetched.bytes);
        loaded.outcome = fetched.outcome;
        if loaded.outcome.symbols().is_some() {
            break;
        }
        tracing::warn!(source = %source.place.location, path, "symbol file is not usable");
    }
    if loaded.outcome.symbols().is_none() {
        metrics::counter!("symbolicate_download_fail").increment(1);
    }
    Ok(loaded)
}

async fn fetch_stubbornly(state: &State, source: &Source, path: &str) -> Result<Option<Fetched>> {
    let mut tries = 1;
    loop {
        match fetch(state, source, path).await {
            Err(error) if is_refusal(&error) => {
                tracing::warn!(source = %source.place.location, path, "the store refuses a look");
                metrics::counter!("symbolicate_store_refused").increment(1);
                return Ok(None);
            }
            Err(error) if error.kind() == Kind::Unavailable && tries < TRIES => {
                tokio::time::sleep(BACKOFF * tries).await;
                tries += 1;
            }
            result => return result,
        }
    }
}

async fn fetch(state: &State, source: &Source, path: &str) -> Result<Option<Fetched>> {
    let Some(object_key) = source.key(path) else {
        return Ok(None);
    };
    let patience = Duration::from_secs(state.settings.own.symbols_get_secs.max(1));
    let object = tokio::time::timeout(patience, source.store.get(&object_key, None))
        .await
        .map_err(|_| silent("no answer in time"))??;
    match object {
        Some(object) => parse(state, object).await.map(Some),
        None => Ok(None),
    }
}

fn silent(why: impl Into<String>) -> Error {
    Error::unavailable("a store of symbols does not answer").with_source(why.into())
}

async fn parse(state: &State, object: Object) -> Result<Fetched> {
    let limits = Limits {
        file_bytes: state.settings.own.symbols_max_file.0,
        ..Limits::default()
    };
    let is_packed = object.meta.content_encoding.as_deref() == Some("gzip");
    let broke_off = Arc::new(AtomicBool::new(false));
    let pieces = with_patience(object.stream, Arc::clone(&broke_off));
    let reader = SyncIoBridge::new(StreamReader::new(pieces));
    let job = move || {
        let count = Arc::new(AtomicU64::new(0));
        let parsed = unpack(BufReader::with_capacity(64 * 1024, reader), is_packed)
            .map(|unpacked| Counted {
                inner: unpacked,
                count: Arc::clone(&count),
            })
            .map_err(Into::into)
            .and_then(|unpacked| SymbolTable::read(unpacked, &limits));
        if broke_off.load(Ordering::SeqCst) {
            return Err(silent("the object broke off"));
        }
        // The bytes arrived whole, so a failed read means that they are no gzip.
        let outcome = Outcome::of_parse(parsed).unwrap_or(Outcome::Corrupt);
        Ok(Fetched {
            outcome,
            bytes: count.load(Ordering::SeqCst),
        })
    };
    state.symbol_pool.run(job).await
}

/// Ends a stream with an error when it pauses for too long, and notes that it broke off.
fn with_patience(pieces: ByteStream, broke_off: Arc<AtomicBool>) -> ByteStream {
    stream::unfold((pieces, broke_off), |(mut pieces, broke_off)| async move {
        let piece: io::Result<Bytes> =
            match tokio::time::timeout(PIECE_TIMEOUT, pieces.next()).await {
                Ok(piece) => piece?,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
        if piece.is_err() {
            broke_off.store(true, Ordering::SeqCst);
        }
        Some((piece, (pieces, broke_off)))
    })
    .boxed()
}

/// Unpacks what is packed; files may have been put into a store by others, without compression.
fn unpack<R: Read + Send + 'static>(
    mut reader: BufReader<R>,
    is_packed: bool,
) -> io::Result<Box<dyn Read + Send>> {
    let begins_packed = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let is_empty = reader.fill_buf()?.is_empty();
    if begins_packed || (is_packed && !is_empty) {
        return Ok(Box::new(MultiGzDecoder::new(reader)));
    }
    Ok(Box::new(reader))
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count
            .fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}
