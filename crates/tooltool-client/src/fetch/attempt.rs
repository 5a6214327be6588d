// SPDX-License-Identifier: MPL-2.0
//! One attempt to download a file from one URL.

use std::{
    io,
    time::{Duration, SystemTime},
};

use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_RANGE, HeaderValue, LOCATION, RANGE},
};

use super::{Context, Wanted, partial::Partial};
use crate::{
    record::Expected,
    retry,
    transport::{self, Broken},
};

const REDIRECT_LIMIT: usize = 10;

/// Why an attempt failed, by what helps against it.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may succeed, after the time the server asked for.
    Later {
        reason: String,
        asked: Option<Duration>,
    },
    /// This URL will not deliver; another one may.
    Final { reason: String },
    /// The disk is the problem; no URL can help.
    Local(io::Error),
}

impl Context {
    /// Asks the server (again: a signed URL from an earlier attempt may have expired) and adds
    /// what comes to `partial`. On success `partial` is complete and verified.
    pub(super) async fn attempt(
        &self,
        url: &Url,
        wanted: &Wanted,
        partial: &mut Partial,
    ) -> Result<(), Failure> {
        let answer = self.open(url, partial.size_bytes()).await?;
        match answer.status() {
            StatusCode::OK => partial.restart()?,
            StatusCode::PARTIAL_CONTENT if continues(&answer, partial.size_bytes()) => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.restart()?;
                return Err(later("the server cannot continue the download"));
            }
            status => return Err(status_failure(status, &answer)),
        }
        let limit = wanted
            .expected
            .size
            .unwrap_or(self.options.unsized_limit_bytes);
        self.check_announced(&answer, &wanted.expected, partial)?;
        self.receive(answer, limit, partial).await?;
        verify(&wanted.expected, partial)
    }

    /// Follows redirects by hand: only the first request carries the Authorization header.
    async fn open(&self, url: &Url, offset: u64) -> Result<Response, Failure> {
        let authorization = self.transport.credentials.authorization("GET", url, None);
        let mut authorization = authorization.map_err(|error| last(error.to_string()))?;
        let mut url = url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let mut request = Request::new(Method::GET, url.clone());
            if let Some(authorization) = authorization.take() {
                request.headers_mut().insert(AUTHORIZATION, authorization);
            }
            if offset > 0
                && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
            {
                request.headers_mut().insert(RANGE, range);
            }
            let answer = self.transport.send(request).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            url = redirect_target(&url, &answer)?;
        }
        Err(last(format!("more than {REDIRECT_LIMIT} redirects")))
    }

    /// Does not even begin with a body that is known to have another length.
    fn check_announced(
        &self,
        answer: &Response,
        expected: &Expected,
        partial: &mut Partial,
    ) -> Result<(), Failure> {
        let (Some(size), Some(rest)) = (expected.size, answer.content_length()) else {
            return Ok(());
        };
        let announced = partial.size_bytes().saturating_add(rest);
        if announced == size {
            return Ok(());
        }
        partial.restart()?;
        Err(later(format!(
            "the server announces {announced} bytes instead of {size}"
        )))
    }

    async fn receive(
        &self,
        mut answer: Response,
        limit: u64,
        partial: &mut Partial,
    ) -> Result<(), Failure> {
        while let Some(chunk) = self.transport.chunk(&mut answer).await? {
            partial.append(&chunk)?;
            if partial.size_bytes() > limit {
                partial.restart()?;
                return Err(later(format!("more than {limit} bytes came")));
            }
        }
        Ok(())
    }
}

fn verify(expected: &Expected, partial: &mut Partial) -> Result<(), Failure> {
    let received = partial.size_bytes();
    if let Some(size) = expected.size
        && received < size
    {
        // Kept: the next attempt continues here.
        return Err(later(format!(
            "the body ended after {received} of {size} bytes"
        )));
    }
    if partial.is(expected) {
        return Ok(());
    }
    partial.restart()?;
    Err(later(format!(
        "the {received} bytes that came have another digest"
    )))
}

fn continues(answer: &Response, offset: u64) -> bool {
    let range = answer
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-'));
    offset > 0 && start.is_some_and(|(start, _)| start.trim().parse() == Ok(offset))
}

fn redirect_target(url: &Url, answer: &Response) -> Result<Url, Failure> {
    let location = answer
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let target = location
        .and_then(|location| url.join(location).ok())
        .filter(|target| matches!(target.scheme(), "http" | "https"));
    target.ok_or_else(|| last("the server redirects without a usable target"))
}

fn status_failure(status: StatusCode, answer: &Response) -> Failure {
    let mut reason = format!("the server answers {status}");
    if let Some(why) = transport::refused_credentials(answer.headers()) {
        reason.push_str(&format!("; the credentials do not hold: {why}"));
    }
    if retry::is_transient(status.as_u16()) {
        let asked = retry::retry_after(answer.headers(), SystemTime::now());
        Failure::Later { reason, asked }
    } else {
        Failure::Final { reason }
    }
}

fn later(reason: impl Into<String>) -> Failure {
    Failure::Later {
        reason: reason.into(),
        asked: None,
    }
}

fn last(reason: impl Into<String>) -> Failure {
    Failure::Final {
        reason: reason.into(),
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        later(broken.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Local(error)
    }
}
