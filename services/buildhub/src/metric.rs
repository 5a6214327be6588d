// SPDX-License-Identifier: MPL-2.0
//! The metrics of the service. The names of buildhub2 keep their spelling (buildhub.md §10).

use std::time::Duration;

/// Names of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricName {
    /// Searches that reached the engine (counter, tag `method`).
    SearchRequests,
    /// Hits of the last search (gauge).
    SearchRecords,
    /// Time of one search (histogram, ms).
    Search,
    /// Rows that files of the archive folder added (counter).
    ArchiveInserted,
    /// Files of the archive folder whose content was known (counter).
    ArchiveNotInserted,
    /// Files of the archive folder that are no valid record (counter).
    ArchiveInvalid,
    /// Documents written to the index (counter).
    Indexed,
}

impl MetricName {
    /// Returns the name as it is reported.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SearchRequests => "buildhub2.api_search_requests",
            Self::SearchRecords => "buildhub2.api_search_records",
            Self::Search => "buildhub2.api_search",
            Self::ArchiveInserted => "buildhub2.archive_inserted",
            Self::ArchiveNotInserted => "buildhub2.archive_not_inserted",
            Self::ArchiveInvalid => "buildhub2.archive_invalid",
            Self::Indexed => "buildhub2.indexed",
        }
    }

    /// Adds to a counter.
    pub(crate) fn add(self, count: usize) {
        metrics::counter!(self.as_str()).increment(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Notes a duration.
    pub(crate) fn record(self, duration: Duration) {
        metrics::histogram!(self.as_str()).record(duration.as_secs_f64() * 1_000.0);
    }
}
