// SPDX-License-Identifier: MPL-2.0
//! Ways in which a call to Redis ends without an answer.

use std::error::Error as StdError;
use std::fmt;

use deadpool_redis::PoolError;
use deadpool_redis::TimeoutType;
use deadpool_redis::redis::{ErrorKind, RedisError};
use releng_common::Error;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection was to be had.
    Pool(PoolError),
    /// The command failed.
    Command(RedisError),
    /// The whole call took too long.
    Timeout,
    /// Not asked, because an earlier call failed a moment ago.
    Paused,
}

impl Failure {
    /// Whether the next call is likely to fail as well, and slowly. A busy pool is load, not an
    /// outage, and a server that refuses a command is quick about it.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Pool(PoolError::Timeout(TimeoutType::Wait)) | Self::Paused => false,
            Self::Pool(_) | Self::Timeout => true,
            Self::Command(error) => !matches!(
                error.kind(),
                ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType
            ),
        }
    }

    /// Whether the server refused to count because the value is no number or cannot grow.
    pub(crate) fn is_no_count(&self) -> bool {
        let Self::Command(error) = self else {
            return false;
        };
        let text = error.to_string();
        ["not an integer", "would overflow"]
            .iter()
            .any(|part| text.contains(part))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(error) => error.fmt(f),
            Self::Command(error) => error.fmt(f),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Paused => f.write_str("not asked, it did not answer a moment ago"),
        }
    }
}

impl StdError for Failure {}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Command(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::unavailable("the cache does not answer").with_source(failure)
    }
}
