// SPDX-License-Identifier: MPL-2.0
//! Asks Taskcluster's auth service whether a signature holds (platform.md §2).

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, HawkRequest, Scopes, Verdict};
use crate::config::Invalid;
use crate::error::{Error, Result};

/// Tries of one question; the first and two more, on 5xx and transport errors only.
const TRIES: u32 = 3;
/// Pause before the second try; doubled before the third.
const BACKOFF: Duration = Duration::from_millis(100);
/// Statuses by which the service says that it does not like the question: malformed, or too long.
const REFUSED: [u16; 3] = [400, 413, 431];
/// An answer with a few thousand scopes is far smaller.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A client of `auth/v1` with one connection pool.
#[derive(Debug)]
pub struct Taskcluster {
    http: reqwest::Client,
    base: String,
    timeout: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: String,
    client_id: Option<String>,
    scopes: Option<Vec<String>>,
    message: Option<String>,
    hash: Option<String>,
}

impl Taskcluster {
    /// Creates a client for the deployment at `root`; one question takes at most `timeout`, tries included.
    ///
    /// # Errors
    /// `root` is no http address.
    pub fn new(root: &str, timeout: Duration) -> Result<Self, Invalid> {
        let problem = |text: String| Invalid::new("TASKCLUSTER_ROOT_URL", text);
        let url = url::Url::parse(root).map_err(|e| problem(format!("{root:?}: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(problem(format!(
                "must be an http or https address, not {root:?}"
            )));
        }
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| problem(e.to_string()))?;
        Ok(Self {
            http,
            base: format!("{}/api/auth/v1", root.trim_end_matches('/')),
            timeout,
        })
    }

    /// Asks `authenticate-hawk`.
    ///
    /// # Errors
    /// `Unavailable` when there is no usable answer in time.
    pub async fn verify(&self, request: &HawkRequest) -> Result<Verdict> {
        let mut question = json!({
            "method": request.method,
            "resource": request.resource,
            "host": request.host,
            "port": request.port,
        });
        if let Some(members) = question.as_object_mut() {
            if let Some(header) = &request.authorization {
                members.insert("authorization".to_owned(), json!(header));
            }
            if let Some(ip) = &request.source_ip {
                members.insert("sourceIp".to_owned(), json!(ip));
            }
        }
        let answer = tokio::time::timeout(self.timeout, self.ask(&question))
            .await
            .map_err(|_| outage("no answer in time"))??;
        Ok(verdict(answer))
    }

    /// Asks `ping`.
    ///
    /// # Errors
    /// `Unavailable` unless the service says that it is alive.
    pub async fn ping(&self) -> Result<()> {
        let response = self
            .http
            .get(format!("{}/ping", self.base))
            .send()
            .await
            .map_err(outage)?;
        let body: Value = serde_json::from_slice(&read(response).await?).map_err(outage)?;
        match body.get("alive") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(outage("ping does not say that the service is alive")),
        }
    }

    async fn ask(&self, question: &Value) -> Result<Answer> {
        let mut pause = BACKOFF;
        let mut last = outage("never asked");
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            match self.ask_once(question).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => last = outage("server error"),
                Err(error) => last = error,
            }
        }
        metrics::counter!("auth.unavailable").increment(1);
        Err(last)
    }

    /// Returns `None` for a 5xx, which is worth another try.
    async fn ask_once(&self, question: &Value) -> Result<Option<Answer>> {
        let response = self
            .http
            .post(format!("{}/authenticate-hawk", self.base))
            .json(question)
            .send()
            .await
            .map_err(outage)?;
        let status = response.status();
        if status.is_server_error() {
            return Ok(None);
        }
        if REFUSED.contains(&status.as_u16()) {
            // The service refused the question itself, as it does for malformed headers.
            return Ok(Some(Answer {
                status: "auth-failed".to_owned(),
                client_id: None,
                scopes: None,
                message: Some(format!("the auth service refused the question ({status})")),
                hash: None,
            }));
        }
        if !status.is_success() {
            // A proxy that is in a bad mood, an address that is not that of Taskcluster.
            return Err(outage(format!("status {status}")));
        }
        serde_json::from_slice(&read(response).await?)
            .map(Some)
            .map_err(outage)
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(outage)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(outage("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn verdict(answer: Answer) -> Verdict {
    match (answer.status.as_str(), answer.client_id, answer.scopes) {
        ("auth-success", Some(client_id), Some(scopes)) => {
            Verdict::Success(Caller::client(client_id, Scopes::new(scopes), answer.hash))
        }
        ("no-auth", _, _) => Verdict::NoCredentials,
        _ => Verdict::Failed(
            answer
                .message
                .unwrap_or_else(|| "authentication failed".to_owned()),
        ),
    }
}

fn outage(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable("the authentication service does not answer").with_source(source)
}
