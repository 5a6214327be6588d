// SPDX-License-Identifier: MPL-2.0
//! The neutral error of all layers below `http`. It knows no status code: the renderer of a
//! service decides how a kind looks on the wire.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::config::Invalid;

/// Result with the neutral error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, seen from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or breaks a rule.
    InvalidInput,
    /// Nobody is signed in, or the credentials do not hold.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The thing does not exist.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The state of the thing forbids the change.
    Conflict,
    /// A condition that the caller stated does not hold.
    PreconditionFailed,
    /// The thing existed once.
    Gone,
    /// A size limit is exceeded.
    TooLarge,
    /// The body has a media type that this route does not read.
    UnsupportedMediaType,
    /// The caller asks too often.
    TooManyRequests,
    /// A part that this request needs does not answer; trying again may help.
    Unavailable,
    /// Our fault. The client learns nothing of the cause.
    Internal,
}

/// Client errors with which other services say that the same request may succeed later; 420 is one of
/// Statuspage's.
const LATER: [u16; 4] = [408, 420, 425, 429];

impl Kind {
    /// Returns what it means for us when another service refuses a request with this status:
    /// `InvalidInput` when it would refuse it again, `Unavailable` when a later try may help.
    pub fn of_refusal(status: u16) -> Self {
        if (400..500).contains(&status) && !LATER.contains(&status) {
            Self::InvalidInput
        } else {
            Self::Unavailable
        }
    }

    /// Returns the HTTP status code that all services use for this kind.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::TooManyRequests => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// An error on its way to the client and to the log.
///
/// `message` is what a client may see. The source chain is for the log alone.
pub struct Error {
    kind: Kind,
    message: Cow<'static, str>,
    retry_after_secs: Option<u32>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of a kind with the text that clients see.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after_secs: None,
            source: None,
        }
    }

    /// Creates an error about a malformed request.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidInput, message)
    }

    /// Creates an error about a thing that does not exist.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// Creates an error about a missing permission.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, message)
    }

    /// Creates an error about a part that does not answer. Clients are told to come back in 5 s (D-5).
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message).with_retry_after(5)
    }

    /// Creates an error of our own making. The text goes to the log, never to the client.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds the cause, for the log.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the seconds of the `Retry-After` header.
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_secs = Some(seconds);
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the text for the client. An internal error has one for the log alone: renderers
    /// replace it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the seconds after which the client may try again.
    pub fn retry_after_secs(&self) -> Option<u32> {
        self.retry_after_secs
    }

    /// Returns the message and all causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.message.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(invalid.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_names_every_cause_and_display_only_the_message() {
        let error = Error::unavailable("store does not answer")
            .with_source(std::io::Error::other("connection refused"));
        assert_eq!(error.to_string(), "store does not answer");
        assert_eq!(error.chain(), "store does not answer: connection refused");
        assert_eq!(error.retry_after_secs(), Some(5));
        assert_eq!(error.kind().status(), 503);
    }
}
