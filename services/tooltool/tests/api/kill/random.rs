// SPDX-License-Identifier: MPL-2.0
//! Numbers that look random and can be had again.

use std::time::SystemTime;

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// Begins with the clock.
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self::of(now.map_or(1, |now| u64::from(now.subsec_nanos()) + now.as_secs()))
    }

    pub(super) fn of(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
