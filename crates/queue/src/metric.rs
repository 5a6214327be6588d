// SPDX-License-Identifier: MPL-2.0
//! The metrics of all queues, each with the label `queue`.

/// Names of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricName {
    /// Jobs that were accepted (counter).
    Sent,
    /// Jobs that were merged into a waiting one (counter).
    Merged,
    /// Messages whose handler succeeded (counter).
    Done,
    /// Attempts that failed (counter).
    Failed,
    /// Messages that went to the dead letters (counter).
    Dead,
    /// Attempts whose message another consumer took meanwhile (counter).
    Lost,
    /// Calls of the queue that failed inside a consumer (counter).
    Faults,
    /// Milliseconds that one run of a handler takes (histogram).
    Run,
    /// Handlers that run now (gauge).
    Running,
}

impl MetricName {
    /// Returns the name as it is reported.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "queue.sent",
            Self::Merged => "queue.merged",
            Self::Done => "queue.done",
            Self::Failed => "queue.failed",
            Self::Dead => "queue.dead",
            Self::Lost => "queue.lost",
            Self::Faults => "queue.faults",
            Self::Run => "queue.run",
            Self::Running => "queue.running",
        }
    }
}

/// Adds to a counter of a queue.
pub(crate) fn count(name: MetricName, queue: &str, by: u64) {
    if by > 0 {
        metrics::counter!(name.as_str(), "queue" => queue.to_owned()).increment(by);
    }
}
