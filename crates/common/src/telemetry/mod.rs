// SPDX-License-Identifier: MPL-2.0
//! Logs and metrics of a process.

pub mod logging;
pub mod metrics;
mod mozlog;
mod sink;
mod statsd;

pub use logging::{flush as flush_logs, init as init_logging};
pub use metrics::{Metrics, install as install_metrics};
