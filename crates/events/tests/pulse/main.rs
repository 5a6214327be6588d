// SPDX-License-Identifier: MPL-2.0
//! Publishing to and reading from a real broker.
#![expect(clippy::unwrap_used, reason = "every line of this binary is a test")]

mod broker;
mod consuming;
mod encrypted;
mod publishing;

use std::time::Duration;

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
