// SPDX-License-Identifier: MPL-2.0
//! Questions to stores, asked again when it may help (symbolication.md §3.4).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use releng_common::{Error, Kind, Result};
use releng_store::{ByteRange, ByteStream, Key, Object};

use super::refused_status;
use crate::State;
use crate::state::Source;

/// Tries before a store counts as out of order.
const TRIES: u32 = 3;
/// Wait before another try.
const BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause between two pieces of an object.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks until there is an answer, three times at most. A store that refuses a look has nothing: S3
/// says so for a missing key when the caller may not list.
pub(super) async fn stubbornly<T, F>(
    source: &Source,
    path: &str,
    question: impl Fn() -> F,
) -> Result<Option<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    let mut tries = 1;
    loop {
        let error = match question().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if let Some(status) = refused_status(&error) {
            tracing::warn!(source = %source.place.location, path, status, "the store refuses a look");
            metrics::counter!("symbolicate_store_refused").increment(1);
            return Ok(None);
        }
        if error.kind() != Kind::Unavailable {
            return Err(error);
        }
        if tries >= TRIES {
            return Err(silent(error.chain()));
        }
        tokio::time::sleep(BACKOFF * tries).await;
        tries += 1;
    }
}

/// Gives up on an answer that does not begin in time.
pub(super) async fn in_time<T>(
    state: &State,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    let patience = Duration::from_secs(state.settings.own.symbols_get_secs.max(1));
    tokio::time::timeout(patience, answer)
        .await
        .map_err(|_| silent("no answer in time"))?
}

/// Opens an object or a part of it; its pieces come in time or end with an error.
pub(super) async fn get(
    state: &State,
    source: &Source,
    key: &Key,
    range: Option<ByteRange>,
) -> Result<Option<(Object, Arc<AtomicBool>)>> {
    let started = std::time::Instant::now();
    let object = in_time(state, source.store.get(key, range)).await?;
    metrics::histogram!("symboldownloader_get_object").record(started.elapsed().as_secs_f64());
    Ok(object.map(|mut object| {
        let broke_off = Arc::new(AtomicBool::new(false));
        object.stream = with_patience(object.stream, Arc::clone(&broke_off));
        (object, broke_off)
    }))
}

/// Returns the error for a store that is out of order.
pub(super) fn silent(why: impl Into<String>) -> Error {
    Error::unavailable("a store of symbols does not answer").with_source(why.into())
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
