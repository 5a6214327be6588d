// SPDX-License-Identifier: MPL-2.0
//! Memory that symbolication requests take while they are read, worked on and answered, bounded
//! together: bodies, pages of indexes that an answer holds, answers until they are sent.

use std::sync::{Arc, Mutex, PoisonError};

use releng_common::{Error, Kind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that a request takes first. They have a part of their own, so that a small request finds
/// memory while large ones have taken the rest.
const FIRST_BYTES: u64 = 1 << 20;
/// That part of all.
const FIRST_SHARE: u64 = 4;
/// Memory is counted in these.
const UNIT_BYTES: u64 = 1024;
/// When a refused client may come again.
const RETRY_SECS: u32 = 1;

/// All memory for requests.
#[derive(Debug)]
pub(super) struct Memory {
    first: Arc<Semaphore>,
    further: Arc<Semaphore>,
    /// Most bytes of one request.
    most: u64,
}

/// The memory of one request. It is free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    first: Arc<Semaphore>,
    further: Arc<Semaphore>,
    most: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    first: Share,
    further: Share,
}

/// What was taken of one part.
#[derive(Debug, Default)]
struct Share {
    units: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        let first = max_bytes / FIRST_SHARE;
        let further = max_bytes - first;
        Self {
            first: semaphore(first),
            further: semaphore(further),
            most: further,
        }
    }

    /// Returns the memory of a request, which takes nothing yet.
    pub(super) fn room(&self) -> Room {
        Room {
            first: Arc::clone(&self.first),
            further: Arc::clone(&self.further),
            most: self.most,
            taken: Mutex::default(),
        }
    }
}

impl Room {
    /// Takes more.
    ///
    /// # Errors
    /// `TooLarge` when this request alone takes more than it may, `Unavailable` when others have
    /// what is left.
    pub fn take(&self, bytes: u64) -> Result<()> {
        // All fields change together at the end.
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all = taken.bytes.saturating_add(bytes);
        if all > self.most {
            let most = self.most;
            let text = format!(
                "the request takes more than {most} bytes of memory: send fewer frames in one request"
            );
            return Err(Error::new(Kind::TooLarge, text));
        }
        // When the part for them is full the first bytes come from the other one as well.
        taken.first.grow(&self.first, all.min(FIRST_BYTES));
        let first = taken.first.units.saturating_mul(UNIT_BYTES);
        if !taken.further.grow(&self.further, all.saturating_sub(first)) {
            return Err(full());
        }
        taken.bytes = all;
        Ok(())
    }
}

impl Share {
    /// Takes what is missing to so many bytes; or nothing, and says so.
    fn grow(&mut self, semaphore: &Arc<Semaphore>, bytes: u64) -> bool {
        let units = bytes.div_ceil(UNIT_BYTES);
        let more = units.saturating_sub(self.units);
        if more == 0 {
            return true;
        }
        let Ok(count) = u32::try_from(more) else {
            return false;
        };
        match Arc::clone(semaphore).try_acquire_many_owned(count) {
            Ok(permit) => {
                self.units = units;
                match &mut self.permit {
                    Some(taken) => taken.merge(permit),
                    none => *none = Some(permit),
                }
                true
            }
            Err(_) => false,
        }
    }
}

/// Returns the error for a client that has to come again.
pub(super) fn full() -> Error {
    metrics::counter!("tecken.symbolicate_refused").increment(1);
    Error::unavailable("too many symbolication requests are waiting, try again")
        .with_retry_after(RETRY_SECS)
}

fn semaphore(bytes: u64) -> Arc<Semaphore> {
    let units = usize::try_from(bytes / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn requests_are_bounded_together_and_small_ones_find_room_beside_large_ones() {
        let memory = Memory::new(16 * MIB);
        let (large, other, small) = (memory.room(), memory.room(), memory.room());
        large.take(10 * MIB).unwrap();
        let refused = other.take(5 * MIB).unwrap_err();
        assert_eq!(
            (refused.kind(), refused.retry_after_secs()),
            (Kind::Unavailable, Some(1))
        );
        small.take(MIB).unwrap();
        drop(large);
        other.take(5 * MIB).unwrap();
    }

    #[test]
    fn what_is_refused_is_not_taken_and_what_is_dropped_is_free() {
        let memory = Memory::new(16 * MIB);
        let room = memory.room();
        room.take(12 * MIB).unwrap();
        let refused = room.take(1).unwrap_err();
        assert_eq!(refused.kind(), Kind::TooLarge);
        drop(room);
        for _ in 0..3 {
            let rooms: Vec<Room> = (0..16).map(|_| memory.room()).collect();
            // The part for what comes first is full after four of them; the other one takes the rest.
            rooms.iter().for_each(|room| room.take(MIB).unwrap());
            assert!(memory.room().take(1).is_err());
        }
    }

    #[test]
    fn many_small_steps_take_what_one_large_one_does() {
        let memory = Memory::new(16 * MIB);
        let room = memory.room();
        (0..12 * 1024).for_each(|_| room.take(1024).unwrap());
        assert!(room.take(1024).is_err());
    }
}
