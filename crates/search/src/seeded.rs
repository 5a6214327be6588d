// SPDX-License-Identifier: MPL-2.0
//! Settings of the property tests: the same cases on every run.

use proptest::test_runner::{Config, RngSeed};

/// Returns the settings for a number of cases.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Config::default()
    }
}
