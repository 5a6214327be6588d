// SPDX-License-Identifier: MPL-2.0
//! Work that is done later, behind one trait: in memory for tests, or in a table of the service's
//! own database, so that one container is complete. A job is delivered at least once: its handler
//! must bear a second run.
//!
//! A message that is taken stays hidden for its visibility time-out. Whoever took it deletes it,
//! extends the time-out or gives it back with the receipt; a process that dies does none of these and
//! the message becomes visible again by itself.

mod consumer;
mod database;
mod job;
mod limits;
mod memory;
mod metric;
mod moment;
pub mod suite;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use releng_common::{Clock, Error, Result};
use releng_db::Db;
use tokio::sync::Notify;

pub use crate::consumer::{Done, Options, consume};
pub use crate::database::{DbQueue, migrations, send_in_txn};
pub use crate::job::{DeadLetter, Depth, Fate, Job, Message, Receipt, Sent};
pub use crate::limits::{
    Limits, MAX_BATCH, MAX_BODY_BYTES, MAX_DEDUP_KEY_BYTES, MAX_DELAY, MAX_ERROR_BYTES,
    MAX_VISIBILITY,
};
pub use crate::memory::MemoryQueue;
pub use crate::metric::MetricName;

/// One queue. All handles of a process should be clones of one [`Handle`]: a consumer learns at once
/// of what is sent through its own handle, and by polling of everything else.
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync {
    /// Returns the name, for logs and metrics.
    fn name(&self) -> &str;

    /// Returns what is notified when a job was sent here.
    fn arrivals(&self) -> &Notify;

    /// Accepts a job; it is durable when the call returns. A job with the key of one that waits is
    /// merged into that one, see [`Job::dedup_key`]. `InvalidInput` for a job that breaks a limit,
    /// `Unavailable` when [`Limits::max_jobs`] is reached.
    async fn send(&self, job: Job) -> Result<Sent>;

    /// Takes up to `max` visible messages (at most [`MAX_BATCH`]), those first that are visible
    /// longest, and hides them for `visibility`. Does not wait for messages. One that was taken
    /// [`Limits::max_attempts`] times without an end goes to the dead letters instead.
    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Message>>;

    /// Removes a message that is done with. Returns whether it did: not when the message became
    /// visible and was taken again, or is gone.
    async fn delete(&self, receipt: &Receipt) -> Result<bool>;

    /// Hides a taken message for `visibility` from now. Returns whether the receipt still holds.
    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<bool>;

    /// Gives a message back, visible after `delay`, as if it had not been taken: the attempt does
    /// not count. Returns whether the receipt still held.
    async fn release(&self, receipt: &Receipt, delay: Duration) -> Result<bool>;

    /// Gives a message back after a failed attempt, visible after `delay`, or moves it to the dead
    /// letters when that was the last of [`Limits::max_attempts`]. The text is kept for the operator,
    /// cut at [`MAX_ERROR_BYTES`].
    async fn fail(&self, receipt: &Receipt, delay: Duration, error: &str) -> Result<Fate>;

    /// Returns up to `limit` dead letters (at most 1,000), latest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>>;

    /// Sends a dead letter again, with all its attempts. Returns whether there is one of that id.
    async fn redrive(&self, id: &str) -> Result<bool>;

    /// Forgets a dead letter. Returns whether there was one of that id.
    async fn discard(&self, id: &str) -> Result<bool>;

    /// Counts what is in the queue.
    async fn depth(&self) -> Result<Depth>;

    /// Asks the backend whether it works, for heartbeats.
    async fn check(&self) -> Result<()>;
}

/// A shared queue.
pub type Handle = Arc<dyn Queue>;

/// Opens the queue that a URL names: `db:` is a table of `db`, `memory:` is gone with the process.
///
/// # Errors
/// `InvalidInput` for an unknown scheme, a bad name or bad limits.
pub fn open(url: &str, db: &Db, name: &str, clock: Clock, limits: Limits) -> Result<Handle> {
    match url {
        "db:" => Ok(Arc::new(DbQueue::new(db.clone(), name, clock, limits)?)),
        "memory:" => Ok(Arc::new(MemoryQueue::new(name, clock, limits)?)),
        _ => {
            // The address of a broker may carry a password, so only the scheme is shown.
            let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
            let text = format!("QUEUE_URL: must be one of `db:`, `memory:`, not `{scheme}:…`");
            Err(Error::invalid(text))
        }
    }
}
