// SPDX-License-Identifier: MPL-2.0
//! How symbolication shares the processor: requests wait in two queues with threads of their own, so
//! that a small request never waits for the end of a huge one; the system shares the cores between
//! the two. What is made from whole symbol files has a third one.

use std::sync::Arc;

use releng_common::pool::Pool;
use releng_common::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest body of a small request. A stack of a crash has some kilobytes.
const SMALL_BYTES: u64 = 256 << 10;
/// How many of the largest bodies may be taken in at the same time.
const LARGEST_AT_ONCE: u64 = 4;
/// Bodies are counted in these.
const UNIT_BYTES: u64 = 1024;
/// Files that are read at the same time, for each thread: they wait for stores most of the time.
const BUILDS_PER_THREAD: usize = 4;
/// Jobs that may wait for a thread.
const POOL_QUEUE: usize = 4096;
/// When a refused client may come again.
const RETRY_SECS: u32 = 1;

/// The queues.
#[derive(Debug)]
pub struct Lanes {
    /// Makes indexes.
    pub builds: Pool,
    small: Pool,
    large: Pool,
    running: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    body_max: u64,
}

/// A request that was taken in; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Admitted {
    is_small: bool,
    _place: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    pub(super) fn new(threads: usize, max_running: usize, body_max: u64) -> Self {
        let units = units(body_max.saturating_mul(LARGEST_AT_ONCE));
        Self {
            builds: Pool::new(threads.saturating_mul(BUILDS_PER_THREAD), POOL_QUEUE),
            small: Pool::new(threads, POOL_QUEUE),
            large: Pool::new(threads, POOL_QUEUE),
            running: Arc::new(Semaphore::new(max_running.min(Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(
                usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            body_max,
        }
    }

    /// Takes a request in before its body is read. A body of unknown length counts as the largest.
    ///
    /// # Errors
    /// `Unavailable` when too many are there.
    pub fn admit(&self, announced_bytes: Option<u64>) -> Result<Admitted> {
        let full = || {
            metrics::counter!("symbolicate_refused").increment(1);
            Error::unavailable("too many symbolication requests are waiting, try again")
                .with_retry_after(RETRY_SECS)
        };
        let place = Arc::clone(&self.running)
            .try_acquire_owned()
            .map_err(|_| full())?;
        let size = announced_bytes.unwrap_or(self.body_max).min(self.body_max);
        let is_small = size <= SMALL_BYTES;
        let bytes = if is_small {
            None
        } else {
            let permits = Arc::clone(&self.bytes).try_acquire_many_owned(units(size));
            Some(permits.map_err(|_| full())?)
        };
        Ok(Admitted {
            is_small,
            _place: place,
            _bytes: bytes,
        })
    }

    /// Returns the threads for a request.
    pub fn of(&self, admitted: &Admitted) -> &Pool {
        if admitted.is_small {
            &self.small
        } else {
            &self.large
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_are_bounded_together_and_leave_room_for_small_ones() {
        let lanes = Lanes::new(1, 10, 1 << 20);
        let large: Vec<_> = (0..4).map(|_| lanes.admit(None).unwrap()).collect();
        assert!(lanes.admit(Some(1 << 20)).is_err());
        let small: Vec<_> = (0..6).map(|_| lanes.admit(Some(10)).unwrap()).collect();
        let refused = lanes.admit(Some(10)).unwrap_err();
        assert_eq!(refused.retry_after_secs(), Some(1));
        drop(large);
        lanes.admit(Some(1 << 20)).unwrap();
        drop(small);
    }

    #[tokio::test]
    async fn a_small_request_runs_while_all_threads_of_large_ones_are_busy() {
        let lanes = Lanes::new(1, 10, 1 << 20);
        let (small, large) = (
            lanes.admit(Some(SMALL_BYTES)).unwrap(),
            lanes.admit(Some(SMALL_BYTES + 1)).unwrap(),
        );
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let pool = lanes.of(&large).clone();
        let (started, is_started) = tokio::sync::oneshot::channel();
        let hold = move || {
            started.send(()).unwrap();
            Ok(wait.recv().is_ok())
        };
        let busy = tokio::spawn(async move { pool.run(hold).await });
        is_started.await.unwrap();
        // With one queue for both this would wait for the release that comes after it.
        lanes.of(&small).run(|| Ok(())).await.unwrap();
        release.send(()).unwrap();
        assert!(busy.await.unwrap().unwrap());
    }
}
