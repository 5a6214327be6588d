// SPDX-License-Identifier: MPL-2.0
//! How symbolication shares the processor: requests wait in two queues with threads of their own, so
//! that a small request never waits for the end of a huge one; the system shares the cores between
//! the two. What is made from whole symbol files has a third one.

use std::sync::Arc;

use releng_common::Result;
use releng_common::pool::Pool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::memory::{Memory, Room, full};

/// Largest body of a small request. A stack of a crash has some kilobytes.
const SMALL_BYTES: usize = 256 << 10;
/// Files that are read at the same time, for each thread: they wait for stores most of the time.
const BUILDS_PER_THREAD: usize = 4;
/// Jobs that may wait for a thread.
const POOL_QUEUE: usize = 4096;

/// Ranges of indexes that are read from stores at the same time, of all requests together. Each takes a
/// connection.
const RANGES: usize = 512;

/// The queues.
#[derive(Debug)]
pub struct Lanes {
    /// Makes indexes.
    pub builds: Pool,
    /// Turns to read a range of an index from a store.
    pub ranges: Semaphore,
    small: Pool,
    large: Pool,
    running: Arc<Semaphore>,
    memory: Memory,
}

/// A request that was taken in; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Admitted {
    /// The memory that it takes.
    pub room: Arc<Room>,
    is_small: bool,
    _place: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(threads: usize, max_running: usize, max_memory: u64) -> Self {
        Self {
            builds: Pool::new(threads.saturating_mul(BUILDS_PER_THREAD), POOL_QUEUE),
            ranges: Semaphore::new(RANGES),
            small: Pool::new(threads, POOL_QUEUE),
            large: Pool::new(threads, POOL_QUEUE),
            running: Arc::new(Semaphore::new(max_running.min(Semaphore::MAX_PERMITS))),
            memory: Memory::new(max_memory),
        }
    }

    /// Returns the memory for a request whose body is about to be read.
    pub fn room(&self) -> Room {
        self.memory.room()
    }

    /// Takes a request in whose body of so many bytes was read: before that it has no place, so that
    /// clients that do not go on sending keep nobody out.
    ///
    /// # Errors
    /// `Unavailable` when too many are there.
    pub fn admit(&self, room: Room, body_bytes: usize) -> Result<Admitted> {
        let place = Arc::clone(&self.running).try_acquire_owned();
        Ok(Admitted {
            room: Arc::new(room),
            is_small: body_bytes <= SMALL_BYTES,
            _place: place.map_err(|_| full())?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(lanes: &Lanes, body_bytes: usize) -> Result<Admitted> {
        lanes.admit(lanes.room(), body_bytes)
    }

    #[test]
    fn so_many_have_a_place_and_no_more() {
        let lanes = Lanes::new(1, 2, 1 << 20);
        let both = (admit(&lanes, 10).unwrap(), admit(&lanes, 10).unwrap());
        let refused = admit(&lanes, 10).unwrap_err();
        assert_eq!(refused.retry_after_secs(), Some(1));
        drop(both);
        admit(&lanes, 10).unwrap();
    }

    #[tokio::test]
    async fn a_small_request_runs_while_all_threads_of_large_ones_are_busy() {
        let lanes = Lanes::new(1, 10, 1 << 20);
        let (small, large) = (
            admit(&lanes, SMALL_BYTES).unwrap(),
            admit(&lanes, SMALL_BYTES + 1).unwrap(),
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
