// SPDX-License-Identifier: MPL-2.0
//! What went wrong with a bucket, for the log, and what it means for the caller.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use releng_common::{Error, Kind};

/// A request to a bucket that failed.
#[derive(Debug)]
pub(crate) struct Fault {
    operation: &'static str,
    bucket: String,
    status: Option<u16>,
    code: Option<String>,
    text: String,
}

impl Fault {
    pub(crate) fn new<E>(
        operation: &'static str,
        bucket: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let service = error.as_service_error();
        let text = match service.and_then(ProvideErrorMetadata::message) {
            Some(message) => message.to_owned(),
            None => chain(error),
        };
        Self {
            operation,
            bucket: bucket.to_owned(),
            status: error
                .raw_response()
                .map(|response| response.status().as_u16()),
            code: service
                .and_then(ProvideErrorMetadata::code)
                .map(str::to_owned),
            text,
        }
    }

    /// Tells whether the server answered that this object does not exist. An answer to HEAD has no
    /// code: there, the status alone says so, of the bucket as of the object.
    pub(crate) fn is_absence(&self) -> bool {
        match self.code.as_deref() {
            Some("NoSuchBucket") => false,
            Some("NoSuchKey" | "NotFound") => true,
            _ => self.status == Some(404),
        }
    }

    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.status == Some(status)
    }

    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }

    /// Returns the neutral error: the store could not be asked, whatever the reason.
    pub(crate) fn into_error(self) -> Error {
        if self.has_code(&["EntityTooLarge"]) {
            return Error::new(Kind::TooLarge, "the object is larger than the store takes")
                .with_source(self);
        }
        Error::unavailable("the object store cannot be used").with_source(self)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on bucket {}: ", self.operation, self.bucket)?;
        if let Some(status) = self.status {
            write!(f, "status {status}, ")?;
        }
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl StdError for Fault {}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
