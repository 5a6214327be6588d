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
use tokio::time::Instant;

use super::{millis, refused_status};
use crate::State;
use crate::state::Source;

/// Tries before a store counts as out of order.
const TRIES: u32 = 3;
/// Wait before another try.
const BACKOFF: Duration = Duration::from_millis(100);
/// When a client may come again.
const RETRY_SECS: u32 = 5;

/// Asks until there is an answer, three times at most and for no longer than three answers may take
/// to begin. A store that refuses a look has nothing: S3 says so for a missing key when the caller
/// may not list.
pub(super) async fn stubbornly<T, F>(
    state: &State,
    source: &Source,
    path: &str,
    question: impl Fn() -> F,
) -> Result<Option<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    let begun = Instant::now();
    let mut tries = 1;
    loop {
        let error = match question().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if let Some(status) = refused_status(&error) {
            tracing::warn!(source = %source.place.location, path, status, "the store refuses a look");
            metrics::counter!("tecken.symbolicate_store_refused").increment(1);
            return Ok(None);
        }
        if error.kind() != Kind::Unavailable {
            return Err(error);
        }
        if tries >= TRIES || begun.elapsed() >= patience(state) * TRIES {
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
    tokio::time::timeout(patience(state), answer)
        .await
        .map_err(|_| silent("no answer in time"))?
}

fn patience(state: &State) -> Duration {
    Duration::from_secs(state.settings.own.symbols_get_secs.max(1))
}

/// Opens an object or a part of it; its pieces come fast enough or end with an error.
pub(super) async fn get(
    state: &State,
    source: &Source,
    key: &Key,
    range: Option<ByteRange>,
) -> Result<Option<(Object, Arc<AtomicBool>)>> {
    let started = Instant::now();
    let object = in_time(state, source.store.get(key, range)).await?;
    metrics::histogram!("tecken.symboldownloader_get_object").record(millis(started.elapsed()));
    Ok(object.map(|mut object| {
        let broke_off = Arc::new(AtomicBool::new(false));
        object.stream = paced(object.stream, Pace::of(state), Arc::clone(&broke_off));
        (object, broke_off)
    }))
}

/// Returns the error for a store that is out of order.
pub(super) fn silent(why: impl Into<String>) -> Error {
    Error::unavailable("a store of symbols does not answer")
        .with_source(why.into())
        .with_retry_after(RETRY_SECS)
}

/// How fast the bytes of an object have to come. Only the time counts in which somebody waits for
/// them: whoever reads slowly does not speak against the store.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// In each stretch of this much waiting …
    window: Duration,
    /// … so many bytes come.
    window_bytes: u64,
    /// All waiting for one object together.
    total: Duration,
}

impl Pace {
    fn of(state: &State) -> Self {
        let own = &state.settings.own;
        let secs = own.symbols_get_secs.max(1);
        Self {
            window: Duration::from_secs(secs),
            window_bytes: own.symbols_min_rate.0.saturating_mul(secs).max(1),
            total: Duration::from_secs(own.symbols_read_secs.max(1)),
        }
    }
}

/// A stream and the waiting for it.
struct Paced {
    pieces: ByteStream,
    pace: Pace,
    window_left: Duration,
    window_bytes: u64,
    total_left: Duration,
    broke_off: Arc<AtomicBool>,
}

/// Ends a stream with an error when it is too slow, and notes that it broke off: a thread waits for
/// it, and a store that sends a byte now and then would have all of them wait.
fn paced(pieces: ByteStream, pace: Pace, broke_off: Arc<AtomicBool>) -> ByteStream {
    let paced = Paced {
        pieces,
        pace,
        window_left: pace.window,
        window_bytes: 0,
        total_left: pace.total,
        broke_off,
    };
    stream::unfold(Some(paced), |paced| async move {
        let mut paced = paced?;
        let piece = paced.next().await?;
        let rest = if piece.is_err() {
            paced.broke_off.store(true, Ordering::SeqCst);
            None
        } else {
            Some(paced)
        };
        Some((piece, rest))
    })
    .boxed()
}

impl Paced {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let patience = self.window_left.min(self.total_left);
            let started = Instant::now();
            let next = tokio::time::timeout(patience, self.pieces.next()).await;
            let waited = started.elapsed();
            self.total_left = self.total_left.saturating_sub(waited);
            self.window_left = self.window_left.saturating_sub(waited);
            match next {
                Ok(piece) => {
                    if let Some(Ok(bytes)) = &piece {
                        let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                        self.window_bytes = self.window_bytes.saturating_add(bytes);
                    }
                    return piece;
                }
                Err(_)
                    if self.total_left.is_zero() || self.window_bytes < self.pace.window_bytes =>
                {
                    return Some(Err(io::ErrorKind::TimedOut.into()));
                }
                Err(_) => {
                    self.window_left = self.pace.window;
                    self.window_bytes = 0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pieces come of a stream of so many, of a byte each and after so long; and whether it
    /// broke off.
    async fn pieces(pace: Pace, count: usize, pause: Duration) -> (usize, bool) {
        let pieces = stream::iter(0..count).then(move |_| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(Bytes::from_static(b"x"))
        });
        let broke_off = Arc::new(AtomicBool::new(false));
        let paced = paced(pieces.boxed(), pace, Arc::clone(&broke_off));
        let came = paced.filter(|piece| std::future::ready(piece.is_ok()));
        (came.count().await, broke_off.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_stream_that_dribbles_ends_and_one_that_nobody_waits_for_does_not() {
        let (ms, never) = (Duration::from_millis(1), 1_000_000);
        let slow = Pace {
            window: 20 * ms,
            window_bytes: 500,
            total: 3_600_000 * ms,
        };
        let (came, broke_off) = pieces(slow, never, ms).await;
        assert!(came < never && broke_off, "{came}");
        assert_eq!(pieces(slow, 10_000, Duration::ZERO).await, (10_000, false));
        // As fast as it must be, and too long all in all.
        let long = Pace {
            window: 20 * ms,
            window_bytes: 1,
            total: 100 * ms,
        };
        let (came, broke_off) = pieces(long, never, ms).await;
        assert!(came < never && broke_off, "{came}");
    }
}
