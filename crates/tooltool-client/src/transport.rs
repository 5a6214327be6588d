// SPDX-License-Identifier: MPL-2.0
//! The HTTP client: time-outs, bounded bodies, no redirects on its own.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Request, Response,
    header::{HeaderMap, WWW_AUTHENTICATE},
    redirect::Policy,
};

use crate::{credentials::Credentials, retry::Pace};

/// The longest answer of the API that is read.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// How long to wait for the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection; 30 s unless told otherwise.
    pub connect: Duration,
    /// For the next byte of an answer, or for the next byte to be taken; 60 s unless told
    /// otherwise.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }
}

/// An HTTP client together with who asks and how patiently.
#[derive(Debug, Clone)]
pub struct Transport {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
    pub(crate) idle: Duration,
    pub(crate) pace: Pace,
}

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub(crate) String);

impl Transport {
    /// Returns a transport.
    ///
    /// # Errors
    /// The system's TLS certificates cannot be loaded.
    pub fn new(credentials: Credentials, timeouts: Timeouts, pace: Pace) -> Result<Self, Broken> {
        let client = Client::builder()
            // A redirect target must not see the Authorization header, and the API is asked
            // again on each attempt, so redirects are followed by hand.
            .redirect(Policy::none())
            .connect_timeout(timeouts.connect)
            .user_agent(concat!("tooltool/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Broken::from)?;
        Ok(Self {
            client,
            credentials,
            idle: timeouts.idle,
            pace,
        })
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Broken> {
        let answer = tokio::time::timeout(self.idle, self.client.execute(request));
        Ok(answer.await.map_err(|_| self.timed_out())??)
    }

    /// Returns the next piece of a body, `None` at its end.
    pub(crate) async fn chunk(&self, answer: &mut Response) -> Result<Option<Bytes>, Broken> {
        let chunk = tokio::time::timeout(self.idle, answer.chunk());
        Ok(chunk.await.map_err(|_| self.timed_out())??)
    }

    /// Returns a whole body, if it is not unreasonably long.
    pub(crate) async fn body(&self, answer: &mut Response) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(answer).await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_LIMIT_BYTES {
                return Err(Broken(format!(
                    "answer is longer than {ANSWER_LIMIT_BYTES} bytes"
                )));
            }
        }
        Ok(body)
    }

    pub(crate) fn timed_out(&self) -> Broken {
        Broken(format!(
            "nothing happened for {} seconds",
            self.idle.as_secs_f64()
        ))
    }
}

/// How much of what a server says about credentials is repeated.
const REASON_CHARS: usize = 200;

/// Returns what a refusal says about the credentials: they did not hold, which the status alone
/// does not tell from a missing permission.
pub(crate) fn refused_credentials(headers: &HeaderMap) -> Option<String> {
    let challenge = headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
    // `Hawk error="…"`, and `Bearer error="invalid_token", error_description="…"`.
    let (_, text) = challenge
        .split_once("error_description=\"")
        .or_else(|| challenge.split_once("error=\""))?;
    let (reason, _) = text.split_once('"')?;
    Some(reason.chars().take(REASON_CHARS).collect())
}

impl From<reqwest::Error> for Broken {
    /// The URL is left out: it may be a signed one, which is a secret while it lives.
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self(message)
    }
}
