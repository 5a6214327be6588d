// SPDX-License-Identifier: MPL-2.0
//! The metrics of the service; all carry the tag `target`: `pulse`, `statuspage` or `mail`.

use crate::domain::Target;

/// Names of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricName {
    /// Messages that wait to be sent (gauge).
    Waiting,
    /// Age of the oldest of them in seconds, 0 when there is none (gauge).
    Oldest,
    /// Messages that were sent (counter).
    Sent,
    /// Attempts that failed (counter).
    Failed,
    /// Messages that were given up (counter).
    GivenUp,
}

impl MetricName {
    /// Returns the name as it is reported.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "treestatus.outbox_waiting",
            Self::Oldest => "treestatus.outbox_oldest_seconds",
            Self::Sent => "treestatus.outbox_sent",
            Self::Failed => "treestatus.outbox_failed",
            Self::GivenUp => "treestatus.outbox_given_up",
        }
    }

    /// Adds to a counter.
    pub(crate) fn add(self, target: Target, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::counter!(self.as_str(), "target" => target.as_str()).increment(count);
    }

    /// Sets a gauge.
    pub(crate) fn set(self, target: Target, value: i64) {
        // More than 32 bits can count neither wait nor pass.
        let value = f64::from(i32::try_from(value).unwrap_or(i32::MAX));
        metrics::gauge!(self.as_str(), "target" => target.as_str()).set(value);
    }
}
