// SPDX-License-Identifier: MPL-2.0
//! Memory of faults: a server that just failed is left alone for a moment, so that an outage costs
//! each request next to nothing, and the log gets one line per while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use tracing::{info, warn};

use crate::redis::failure::Failure;

/// Counter of calls that a fault ended, with the label `operation`.
const FAULTS: &str = "cache_faults";

/// Time for which a failed server is not asked. Shorter than the second by which caches of several
/// processes may differ.
const PAUSE: Duration = Duration::from_millis(500);

/// Shortest time between two lines about faults.
const LOG_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Health {
    start: Instant,
    /// Milliseconds after `start` from which the server is asked again; 0 when it is well.
    asks_at: AtomicU64,
    log: Mutex<LogState>,
}

#[derive(Debug, Default)]
struct LogState {
    last: Option<Instant>,
    silent: u64,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            asks_at: AtomicU64::new(0),
            log: Mutex::default(),
        }
    }

    /// Says whether a call may go to the server. After a pause one caller tries while the others
    /// are still refused.
    pub(crate) fn admits(&self) -> bool {
        let asks_at = self.asks_at.load(Ordering::SeqCst);
        if asks_at == 0 {
            return true;
        }
        let now = self.now();
        now >= asks_at
            && self
                .asks_at
                .compare_exchange(asks_at, pause_end(now), Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    pub(crate) fn succeeded(&self) {
        if self.asks_at.load(Ordering::SeqCst) != 0 && self.asks_at.swap(0, Ordering::SeqCst) != 0 {
            info!("the cache answers again");
        }
    }

    pub(crate) fn failed(&self, operation: &'static str, failure: &Failure) {
        counter!(FAULTS, "operation" => operation).increment(1);
        if failure.is_outage() {
            self.asks_at.store(pause_end(self.now()), Ordering::SeqCst);
        }
    }

    /// Logs a fault that nobody else hears of.
    pub(crate) fn log_ignored(&self, operation: &'static str, failure: &Failure) {
        if let Some(silent) = self.log_turn() {
            warn!(
                cache.operation = operation,
                cache.faults_not_logged = silent,
                "the cache does not answer, going on without: {failure}"
            );
        }
    }

    /// Returns the number of faults that were passed over since the last line, if one is due.
    fn log_turn(&self) -> Option<u64> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            log.silent = log.silent.saturating_add(1);
            return None;
        }
        log.last = Some(Instant::now());
        Some(std::mem::take(&mut log.silent))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn pause_end(now: u64) -> u64 {
    // A pause has a length, so this is never the 0 that stands for "well".
    now.saturating_add(u64::try_from(PAUSE.as_millis()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_outage_nobody_asks_until_a_call_succeeds() {
        let health = Health::new();
        assert!(health.admits());
        health.failed("get", &Failure::Timeout);
        assert!(!health.admits());
        health.succeeded();
        assert!(health.admits());
    }

    #[test]
    fn after_the_pause_one_caller_tries() {
        let health = Health::new();
        // The pause that a fault before the start of the clock would have left.
        health.asks_at.store(1, Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(5);
        while health.now() == 0 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let admitted = (0..3).filter(|_| health.admits()).count();
        assert_eq!(admitted, 1);
    }

    #[test]
    fn the_first_fault_is_logged_and_the_next_are_counted() {
        let health = Health::new();
        assert_eq!(health.log_turn(), Some(0));
        assert_eq!(health.log_turn(), None);
        assert_eq!(health.log_turn(), None);
        let mut log = health.log.lock().unwrap();
        assert_eq!(log.silent, 2);
        log.last = Instant::now().checked_sub(LOG_EVERY);
        drop(log);
        assert_eq!(health.log_turn(), Some(2));
    }
}
