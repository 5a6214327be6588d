// SPDX-License-Identifier: MPL-2.0
//! Requests to the server's JSON API, signed when there are credentials.

use std::time::SystemTime;

use reqwest::{
    Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION},
};
use serde_json::Value;

use crate::{
    credentials::{self, JSON_TYPE},
    log::Log,
    retry,
    server_urls::ServerUrl,
    transport::{self, Broken, Transport},
};

/// How much of an unexpected answer is repeated in a message.
const EXCERPT_CHARS: usize = 200;

/// The API of one server.
#[derive(Debug, Clone)]
pub struct Api {
    transport: Transport,
    base: ServerUrl,
    log: Log,
}

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused; `name` is like `403 Forbidden: …`.
    #[error("{name}: {description}")]
    Refused {
        /// Status, reason and detail.
        name: String,
        /// The detail alone.
        description: String,
    },
    /// There was no answer.
    #[error("no answer from {base}: {cause}")]
    Broken {
        /// The server.
        base: String,
        /// What went wrong.
        cause: Broken,
    },
    /// The answer makes no sense.
    #[error("cannot understand the answer of {base}: {reason}")]
    Nonsense {
        /// The server.
        base: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The request cannot be signed.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    /// Returns the API below a base URL.
    pub fn new(transport: Transport, base: ServerUrl, log: Log) -> Self {
        Self {
            transport,
            base,
            log,
        }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Sends a signed request until it is answered with something final, and reads the JSON.
    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let pace = self.transport.pace;
        let mut attempt = 1;
        loop {
            let outcome = self.call(method.clone(), path, query, body).await;
            let (reason, asked) = match outcome {
                Ok(answer) if retry::is_transient(answer.status.as_u16()) => {
                    let asked = retry::retry_after(&answer.headers, SystemTime::now());
                    (refusal(&answer), asked)
                }
                Ok(answer) => return self.read(answer),
                Err(error @ Error::Broken { .. }) => (error, None),
                Err(error) => return Err(error),
            };
            if attempt >= pace.tries {
                return Err(reason);
            }
            let pause = pace.pause(attempt, asked);
            self.log.warning(format_args!(
                "{reason}; asking again in {:.1} seconds",
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends one signed request.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let url = self.base.at(path, query);
        let body = body.map(|body| body.to_string().into_bytes());
        let authorization =
            self.transport
                .credentials
                .authorization(method.as_str(), &url, body.as_deref())?;
        let mut request = Request::new(method, url);
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(JSON_TYPE));
            *request.body_mut() = Some(body.into());
        }
        self.exchange(request).await.map_err(|cause| Error::Broken {
            base: self.base.to_string(),
            cause,
        })
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Broken> {
        let mut answer = self.transport.send(request).await?;
        let body = self.transport.body(&mut answer).await?;
        Ok(Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body,
        })
    }

    /// Returns the JSON of a success, or the server's reason for a failure.
    pub(crate) fn read(&self, answer: Answer) -> Result<Value, Error> {
        if !answer.status.is_success() {
            if let Some(reason) = transport::refused_credentials(&answer.headers) {
                self.log
                    .warning(format_args!("the credentials do not hold: {reason}"));
            }
            return Err(refusal(&answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| self.nonsense(error.to_string()))
    }

    pub(crate) fn nonsense(&self, reason: impl Into<String>) -> Error {
        Error::Nonsense {
            base: self.base.to_string(),
            reason: reason.into(),
        }
    }
}

/// Reads the error body: `error.name` and `error.description`, or the flat problem members.
pub(crate) fn refusal(answer: &Answer) -> Error {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for (object, name, description) in [
        (value.get("error"), "name", "description"),
        (Some(&value), "title", "detail"),
    ] {
        let text = |member| object?.get(member)?.as_str();
        if let (Some(name), Some(description)) = (text(name), text(description)) {
            return Error::Refused {
                name: name.to_owned(),
                description: description.to_owned(),
            };
        }
    }
    let description = match answer.headers.get(LOCATION) {
        Some(target) if answer.status.is_redirection() => format!(
            "the server is at {}, use that as --url",
            String::from_utf8_lossy(target.as_bytes())
        ),
        _ => String::from_utf8_lossy(&answer.body)
            .trim()
            .chars()
            .take(EXCERPT_CHARS)
            .collect(),
    };
    Error::Refused {
        name: answer.status.to_string(),
        description,
    }
}
