// SPDX-License-Identifier: MPL-2.0
//! The API of Statuspage, as far as incidents of closed trees need it (treestatus.md §8).

use std::fmt;
use std::time::Duration;

use releng_common::config::Invalid;
use releng_common::{Error, Kind, Result};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::domain::StatusChange;
use crate::settings::Page;

/// Largest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// One page.
pub struct Statuspage {
    http: reqwest::Client,
    base: String,
    page: Page,
}

impl Statuspage {
    /// Prepares requests for a page at the API's base address; one takes at most `timeout`.
    ///
    /// # Errors
    /// There is no TLS.
    pub fn new(api: &str, page: Page, timeout: Duration) -> Result<Self, Invalid> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Invalid::new("STATUSPAGE_API_URL", e.to_string()))?;
        Ok(Self {
            http,
            base: format!("{}/pages/{}", api.trim_end_matches('/'), page.id),
            page,
        })
    }

    /// Returns the page and what belongs there.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Makes the incident of a tree that closed.
    ///
    /// # Errors
    /// `Unavailable` when a later try may help, else `InvalidInput`.
    pub async fn create(&self, change: &StatusChange, component: &str) -> Result<()> {
        let tree = &change.tree;
        let incident = json!({
            "name": format!("Tree {} closed", tree.tree),
            "status": "investigating",
            "components": {component: "major_outage"},
            "component_ids": [component],
            "metadata": {"treestatus": {
                "tree": tree.tree,
                "status_from": change.status_from,
                "status_to": change.status_to,
            }},
            "body": format!(
                "Message of the day: {}\nReason: {}\n",
                tree.message_of_the_day, tree.reason
            ),
        });
        let path = "/incidents";
        self.ask(Method::POST, path, Some(json!({"incident": incident})))
            .await
            .map(drop)
    }

    /// Returns the ids of the unresolved incidents of a tree.
    ///
    /// # Errors
    /// As [`Statuspage::create`].
    pub async fn unresolved(&self, tree: &str) -> Result<Vec<String>> {
        let response = self.ask(Method::GET, "/incidents/unresolved", None).await?;
        let list: Vec<Value> = serde_json::from_slice(&read(response).await?).map_err(silent)?;
        let is_ours = |incident: &&Value| {
            let told = incident.pointer("/metadata/treestatus/tree");
            told.and_then(Value::as_str) == Some(tree)
        };
        let ids = list.iter().filter(is_ours);
        Ok(ids
            .filter_map(|incident| incident.get("id")?.as_str())
            .filter(|id| is_id(id))
            .map(str::to_owned)
            .collect())
    }

    /// Resolves an incident.
    ///
    /// # Errors
    /// As [`Statuspage::create`].
    pub async fn resolve(&self, incident: &str, component: &str) -> Result<()> {
        let path = format!("/incidents/{incident}");
        let body = json!({"incident": {
            "status": "resolved",
            "components": {component: "operational"},
        }});
        self.ask(Method::PATCH, &path, Some(body)).await.map(drop)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("authorization", format!("OAuth {}", self.page.token));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.map_err(|e| silent(e.without_url()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = format!("Statuspage answers {}", status.as_u16());
        Err(Error::new(Kind::of_refusal(status.as_u16()), text))
    }
}

/// Returns whether a text can be an id of Statuspage: it stands in paths as it is.
pub(crate) fn is_id(id: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !id.is_empty() && id.chars().all(is_fine)
}

async fn read(mut response: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(silent)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(silent("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn silent(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable("Statuspage does not answer").with_source(source)
}

/// Without the key.
impl fmt::Debug for Statuspage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statuspage({})", self.base)
    }
}
