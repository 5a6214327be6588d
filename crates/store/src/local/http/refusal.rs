// SPDX-License-Identifier: MPL-2.0
//! Refusals in the words of S3, which clients of it know.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_RANGE, CONTENT_TYPE};
use releng_common::{Error, Kind};

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The URL is not signed.
    Unsigned,
    /// The URL was good until a moment that has passed.
    Expired,
    /// A header that the store would keep is not part of the signature.
    UnsignedHeader(String),
    /// The signature is not of this request.
    SignatureDoesNotMatch,
    /// There is no such store.
    NoSuchBucket,
    /// There is no such object.
    NoSuchKey,
    /// The URL or a header cannot be read.
    Invalid(String),
    /// Only GET, HEAD and PUT exist.
    MethodNotAllowed,
    /// No byte of the range lies inside an object of this size.
    InvalidRange(u64),
    /// The object is larger than the store takes.
    EntityTooLarge,
    /// The client stopped sending.
    RequestTimeout,
    /// The body ended early.
    IncompleteBody,
    /// The digest that the client gave is another one.
    BadDigest,
    /// Too many uploads run.
    SlowDown,
    /// The store fails.
    Fault(Error),
}

impl Refusal {
    fn parts(&self) -> (StatusCode, &'static str, String) {
        let (status, code, message) = match self {
            Self::Unsigned => (403, "AccessDenied", "Access Denied"),
            Self::Expired => (403, "AccessDenied", "Request has expired"),
            Self::UnsignedHeader(name) => {
                let message = format!("The header {name} is not part of the signature");
                return (StatusCode::FORBIDDEN, "AccessDenied", message);
            }
            Self::SignatureDoesNotMatch => (
                403,
                "SignatureDoesNotMatch",
                "The signature is not of this method, key, expiry and headers",
            ),
            Self::NoSuchBucket => (404, "NoSuchBucket", "The bucket does not exist"),
            Self::NoSuchKey => (404, "NoSuchKey", "The key does not exist"),
            Self::Invalid(message) => {
                return (StatusCode::BAD_REQUEST, "InvalidRequest", message.clone());
            }
            Self::MethodNotAllowed => (
                405,
                "MethodNotAllowed",
                "The methods of objects are GET, HEAD and PUT",
            ),
            Self::InvalidRange(_) => (416, "InvalidRange", "The range lies outside the object"),
            Self::EntityTooLarge => (413, "EntityTooLarge", "The object is too large"),
            Self::RequestTimeout => (
                400,
                "RequestTimeout",
                "The client sent nothing for too long",
            ),
            Self::IncompleteBody => (400, "IncompleteBody", "The body ended early"),
            Self::BadDigest => (400, "BadDigest", "The body does not have this Content-MD5"),
            Self::SlowDown => (503, "SlowDown", "Too many uploads at once, try again"),
            Self::Fault(error) if error.kind() == Kind::Unavailable => (
                503,
                "ServiceUnavailable",
                "The store cannot be used now, try again",
            ),
            Self::Fault(_) => (500, "InternalError", "The store failed"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, code, message.to_owned())
    }

    /// Returns the answer. Faults are logged here, once.
    pub(crate) fn into_response(self) -> HttpResponse {
        let (status, code, message) = self.parts();
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/xml"));
        response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        match &self {
            Self::InvalidRange(size) => {
                response.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
            }
            Self::MethodNotAllowed => {
                response.insert_header((ALLOW, "GET, HEAD, PUT"));
            }
            // The rest of a body is not read any more.
            Self::EntityTooLarge | Self::RequestTimeout | Self::IncompleteBody | Self::SlowDown => {
                response.force_close();
            }
            Self::Fault(error) => tracing::error!(error = %error.chain(), "the local store failed"),
            _ => {}
        }
        response.body(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{}</Message></Error>",
            escape(&message)
        ))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::InvalidInput => Self::Invalid(error.message().to_owned()),
            Kind::TooLarge => Self::EntityTooLarge,
            _ => Self::Fault(error),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
