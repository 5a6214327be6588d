// SPDX-License-Identifier: MPL-2.0
//! The metrics of all queues, each with the label `queue`.

/// Counts jobs that were accepted.
pub(crate) const SENT: &str = "queue.sent";
/// Counts jobs that were merged into a waiting one.
pub(crate) const MERGED: &str = "queue.merged";
/// Counts messages whose handler succeeded.
pub(crate) const DONE: &str = "queue.done";
/// Counts attempts that failed.
pub(crate) const FAILED: &str = "queue.failed";
/// Counts messages that went to the dead letters.
pub(crate) const DEAD: &str = "queue.dead";
/// Counts attempts whose message was taken by another consumer meanwhile.
pub(crate) const LOST: &str = "queue.lost";
/// Counts calls of the backend that failed inside the consumer.
pub(crate) const FAULT: &str = "queue.fault";
/// Milliseconds that one run of a handler takes.
pub(crate) const RUN: &str = "queue.run";
/// Handlers that run now.
pub(crate) const RUNNING: &str = "queue.running";
