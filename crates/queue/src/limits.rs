// SPDX-License-Identifier: MPL-2.0
//! The bounds of a queue.

use std::time::Duration;

use releng_common::{Error, Result};

use crate::Job;

/// Largest body of a job: what SQS takes, so that services may move there.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Longest key of a job.
pub const MAX_DEDUP_KEY_BYTES: usize = 256;

/// Longest time until a job becomes visible.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest time that a message is hidden without being extended.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600);

/// Most messages that are taken at once.
pub const MAX_BATCH: usize = 100;

/// Most dead letters that are listed at once.
pub(crate) const MAX_LISTED: usize = 1000;

/// Longest text that is kept of a failure.
pub const MAX_ERROR_BYTES: usize = 2000;

/// What a dead letter says whose last handler never came to an end.
pub(crate) const NOT_FINISHED: &str = "the last attempt did not end before its visibility time-out";

const MAX_NAME_BYTES: usize = 100;

/// Settings of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often a message is taken before it goes to the dead letters. Default 5.
    pub max_attempts: u32,
    /// Most jobs that are not dead; beyond that nothing is accepted. Default 100,000.
    pub max_jobs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            max_jobs: 100_000,
        }
    }
}

impl Limits {
    /// Refuses limits that nothing could pass.
    pub(crate) fn check(self) -> Result<Self> {
        if !(1..=1000).contains(&self.max_attempts) {
            return Err(Error::invalid("max_attempts: must be between 1 and 1000"));
        }
        if self.max_jobs == 0 {
            return Err(Error::invalid("max_jobs: must be at least 1"));
        }
        Ok(self)
    }
}

/// Refuses a name that would not do as a metric label.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_known) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "queue name: must be 1 to {MAX_NAME_BYTES} of a-z, 0-9, `.`, `_` and `-`"
    )))
}

/// Refuses a job that breaks a bound.
pub(crate) fn check_job(job: &Job) -> Result<()> {
    if job.body.len() > MAX_BODY_BYTES {
        return Err(Error::invalid(format!(
            "body: must have at most {MAX_BODY_BYTES} bytes"
        )));
    }
    if job.body.contains('\0') {
        return Err(Error::invalid("body: must not contain U+0000"));
    }
    if let Some(key) = &job.dedup_key {
        if !(1..=MAX_DEDUP_KEY_BYTES).contains(&key.len()) {
            let text = format!("dedup_key: must have 1 to {MAX_DEDUP_KEY_BYTES} bytes");
            return Err(Error::invalid(text));
        }
        if key.contains('\0') {
            return Err(Error::invalid("dedup_key: must not contain U+0000"));
        }
    }
    check_delay(job.delay)
}

pub(crate) fn check_delay(delay: Duration) -> Result<()> {
    if delay > MAX_DELAY {
        let seconds = MAX_DELAY.as_secs();
        return Err(Error::invalid(format!(
            "delay: must be at most {seconds} s"
        )));
    }
    Ok(())
}

pub(crate) fn check_visibility(visibility: Duration) -> Result<()> {
    if visibility < Duration::from_millis(1) || visibility > MAX_VISIBILITY {
        let seconds = MAX_VISIBILITY.as_secs();
        return Err(Error::invalid(format!(
            "visibility: must be 1 ms to {seconds} s"
        )));
    }
    Ok(())
}

/// Returns the error of a full queue.
pub(crate) fn full(name: &str) -> Error {
    Error::unavailable(format!("queue {name} is full"))
}

/// Returns the beginning of a failure's text, in a form that both databases store.
pub(crate) fn kept_error(text: &str) -> String {
    let mut end = text.len().min(MAX_ERROR_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let text = format!("{}é", "x".repeat(MAX_ERROR_BYTES - 1));
        assert_eq!(kept_error(&text), "x".repeat(MAX_ERROR_BYTES - 1));
        assert_eq!(kept_error("a\0b"), "a b");
    }

    #[test]
    fn a_name_must_do_as_a_label() {
        check_name("tooltool.check-pending_2").unwrap();
        for name in ["", "Upper", "a b", "é", &"x".repeat(101)] {
            assert_eq!(
                check_name(name).unwrap_err().message(),
                "queue name: must be 1 to 100 of a-z, 0-9, `.`, `_` and `-`",
                "{name:?}"
            );
        }
    }

    #[test]
    fn limits_that_nothing_could_pass_are_refused() {
        let refused = |max_attempts, max_jobs| {
            Limits {
                max_attempts,
                max_jobs,
            }
            .check()
            .unwrap_err()
            .message()
            .to_owned()
        };
        assert_eq!(refused(0, 1), "max_attempts: must be between 1 and 1000");
        assert_eq!(refused(1001, 1), "max_attempts: must be between 1 and 1000");
        assert_eq!(refused(1, 0), "max_jobs: must be at least 1");
    }
}
