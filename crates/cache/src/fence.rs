// SPDX-License-Identifier: MPL-2.0
//! Marks of a moment in the life of a key, by which a write tells whether the key was deleted since.

use std::time::{Duration, Instant};

/// Longest time from taking a fence to writing under it; later writes are refused. Redis remembers
/// for this long that a key was deleted.
pub const FENCE_LIFE: Duration = Duration::from_secs(120);

/// State of a key at a moment, from [`Cache::get_fenced`](crate::Cache::get_fenced).
#[derive(Clone, Debug)]
pub struct Fence {
    mark: Mark,
    taken_at: Instant,
}

/// What changes with a deletion. Two callers with equal marks saw no deletion between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// Count of deletions in this process, among them those of the key.
    Local(u64),
    /// Name of the last deletion of the key that Redis remembers.
    Remote(Option<Vec<u8>>),
    /// The server could not be asked: the count of deletions in this process has to do. Nothing is
    /// stored under such a fence.
    Unreachable(u64),
}

impl Fence {
    /// Creates the fence of a moment that is not later than the look at the key.
    pub(crate) fn new(mark: Mark, taken_at: Instant) -> Self {
        Self { mark, taken_at }
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    pub(crate) fn is_too_old(&self) -> bool {
        self.taken_at.elapsed() >= FENCE_LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_too_old_after_two_minutes() {
        let now = Instant::now();
        let aged = |secs| {
            let taken_at = now.checked_sub(Duration::from_secs(secs)).unwrap();
            Fence::new(Mark::Local(0), taken_at).is_too_old()
        };
        assert!(!aged(0));
        assert!(!aged(60));
        assert!(aged(120));
    }
}
