// SPDX-License-Identifier: MPL-2.0
//! Times to live as both backends understand them: whole milliseconds, at least one, at most ten
//! years. Redis refuses zero and what overflows its clock.

use std::time::Duration;

const LONGEST_MILLIS: u64 = 10 * 365 * 24 * 3600 * 1000;

/// Returns the time to live in milliseconds, rounded up.
pub(crate) fn millis(ttl: Duration) -> u64 {
    let millis = ttl.as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(millis)
        .unwrap_or(LONGEST_MILLIS)
        .min(LONGEST_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_rounded_up_and_cut() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(60_000)), 60_000);
        assert_eq!(millis(Duration::from_micros(1_001)), 2);
        assert_eq!(millis(Duration::MAX), 315_360_000_000);
    }
}
