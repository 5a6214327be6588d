// SPDX-License-Identifier: MPL-2.0
//! Bounds of one search.

use std::time::Duration;

/// What one search may cost. Every bound answers 400 with a text that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest `size`. Default 1,000 (`MAX_SEARCH_SIZE`).
    pub max_size: u64,
    /// Largest `from + size`. Default 10,000.
    pub max_window: u64,
    /// Clauses of all queries in a body together. Default 4,096.
    pub max_clauses: usize,
    /// Values of one `terms` or `ids` clause. Default 65,536.
    pub max_terms: usize,
    /// How deep queries and aggregations may nest. Default 20.
    pub max_depth: usize,
    /// Aggregations in a body, sub-aggregations included. Default 100.
    pub max_aggregations: usize,
    /// Buckets in an answer. Default 500,000: public clients ask for 100,000 with sub-aggregations.
    pub max_buckets: usize,
    /// Characters of one pattern or query text. Default 4,000.
    pub max_pattern_chars: usize,
    /// How long one search may run. Default 30 s.
    pub max_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_size: 1_000,
            max_window: 10_000,
            max_clauses: 4_096,
            max_terms: 65_536,
            max_depth: 20,
            max_aggregations: 100,
            max_buckets: 500_000,
            max_pattern_chars: 4_000,
            max_time: Duration::from_secs(30),
        }
    }
}
