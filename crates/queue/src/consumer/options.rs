// SPDX-License-Identifier: MPL-2.0
//! The settings of a consumer.

use std::time::Duration;

use releng_common::{Error, Result};

use crate::limits::{check_delay, check_visibility};

/// How a consumer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Time after which a message whose process died is visible again; extended while its handler
    /// runs. Default 60 s.
    pub visibility: Duration,
    /// Handlers that run at once, 1 to 1000. Default 2.
    pub concurrency: usize,
    /// Time between two looks for messages that nobody in this process sent. Default 1 s.
    pub poll_interval: Duration,
    /// Longest run of a handler; then it is dropped and the attempt has failed. Default 600 s.
    pub time_limit: Duration,
    /// Wait after the first failure of a message, doubled with each further one. Default 5 s.
    pub backoff: Duration,
    /// Longest wait after a failure. Default 15 min.
    pub max_backoff: Duration,
    /// Time for running handlers to end after cancellation; then they are dropped and their messages
    /// given back. Default 20 s.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(60),
            concurrency: 2,
            poll_interval: Duration::from_secs(1),
            time_limit: Duration::from_secs(600),
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(15 * 60),
            drain: Duration::from_secs(20),
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        check_visibility(self.visibility)?;
        check_delay(self.max_backoff)?;
        if !(1..=1000).contains(&self.concurrency) {
            return Err(Error::invalid("concurrency: must be between 1 and 1000"));
        }
        for (name, span) in [
            ("poll_interval", self.poll_interval),
            ("time_limit", self.time_limit),
        ] {
            if span < Duration::from_millis(1) {
                return Err(Error::invalid(format!("{name}: must be at least 1 ms")));
            }
        }
        Ok(())
    }

    /// Returns how long a message waits that failed for the `attempts`th time.
    pub(super) fn backoff(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.backoff
            .saturating_mul(1 << doublings)
            .min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let options = Options::default();
        let seconds = |attempts| options.backoff(attempts).as_secs();
        assert_eq!(
            [1, 2, 3, 8, 9, 1000].map(seconds),
            [5, 10, 20, 640, 900, 900]
        );
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let refused = |options: Options| options.check().unwrap_err().message().to_owned();
        let base = Options::default();
        base.check().unwrap();
        assert_eq!(
            refused(Options {
                concurrency: 0,
                ..base
            }),
            "concurrency: must be between 1 and 1000"
        );
        assert_eq!(
            refused(Options {
                poll_interval: Duration::ZERO,
                ..base
            }),
            "poll_interval: must be at least 1 ms"
        );
        assert_eq!(
            refused(Options {
                time_limit: Duration::ZERO,
                ..base
            }),
            "time_limit: must be at least 1 ms"
        );
        assert_eq!(
            refused(Options {
                visibility: Duration::from_secs(43_201),
                ..base
            }),
            "visibility: must be 1 ms to 43200 s"
        );
        assert_eq!(
            refused(Options {
                max_backoff: Duration::from_secs(2_592_001),
                ..base
            }),
            "delay: must be at most 2592000 s"
        );
    }
}
