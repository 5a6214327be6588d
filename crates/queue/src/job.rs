// SPDX-License-Identifier: MPL-2.0
//! What goes into a queue and what comes out.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Work to do later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What the handler gets, usually JSON: at most [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES),
    /// without U+0000, which PostgreSQL cannot store.
    pub body: String,
    /// Time until the job becomes visible, at most [`MAX_DELAY`](crate::MAX_DELAY).
    pub delay: Duration,
    /// Names the work. While a job with this key waits, another one with it is not added; the earlier
    /// of both times counts. Jobs with one key are the same work: the body of the waiting one stays,
    /// and of a job that is given back and one that waits, the waiting one remains.
    pub dedup_key: Option<String>,
}

impl Job {
    /// Returns a job that is visible at once.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            delay: Duration::ZERO,
            dedup_key: None,
        }
    }

    /// Sets the time until the job becomes visible.
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Sets the key.
    pub fn with_dedup_key(self, key: impl Into<String>) -> Self {
        Self {
            dedup_key: Some(key.into()),
            ..self
        }
    }
}

/// What became of a job that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is a job of its own.
    Added,
    /// A job with its key waits already.
    Merged,
}

/// A job that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names the job; the same each time it is taken.
    pub id: String,
    /// Proves that the message was taken, this time.
    pub receipt: Receipt,
    /// The body of the job.
    pub body: String,
    /// How often the job was taken, this time included.
    pub attempts: u32,
}

/// Proof of one taking. It ends when the message is taken again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Receipt(String);

impl Receipt {
    /// Wraps what a backend issued.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({})", self.0)
    }
}

/// What became of a message whose attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It will be visible again.
    Waiting,
    /// It is a dead letter.
    Dead,
    /// The receipt did not hold any more: nothing was changed.
    NotOurs,
}

/// A job that failed too often and waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names the job.
    pub id: String,
    /// The body of the job.
    pub body: String,
    /// The key of the job.
    pub dedup_key: Option<String>,
    /// How often it was taken.
    pub attempts: u32,
    /// What the last failed attempt said.
    pub last_error: String,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// When it was given up.
    pub dead_at: DateTime<Utc>,
}

/// Numbers of jobs by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Visible now.
    pub ready: u64,
    /// Visible later: sent with a delay, or given back.
    pub delayed: u64,
    /// Taken, and hidden until the time-out.
    pub in_flight: u64,
    /// Given up.
    pub dead: u64,
}
