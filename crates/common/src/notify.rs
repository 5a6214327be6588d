// SPDX-License-Identifier: MPL-2.0
//! Mails through Taskcluster's notify service (platform.md §12), signed with the credentials of the
//! service itself.

use std::fmt;
use std::time::Duration;

use hawk::{Key, PayloadHasher, RequestBuilder, SHA256};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::Invalid;
use crate::error::{Error, Kind, Result};

const MEDIA_TYPE: &str = "application/json";

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Who gets it.
    pub address: String,
    /// Its subject.
    pub subject: String,
    /// Its text, in Markdown.
    pub content: String,
    /// The button below the text.
    pub link: Link,
}

/// A button in a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its target.
    pub href: String,
    /// Its caption.
    pub text: String,
}

/// Orders mails. The client needs the scope `notify:email:<address>`.
pub struct Notify {
    http: reqwest::Client,
    url: Url,
    credentials: hawk::Credentials,
}

impl Notify {
    /// Prepares the orders of one client at the deployment at `root`; one takes at most `timeout`.
    ///
    /// # Errors
    /// `root` is no http address, or the key is of no use.
    pub fn new(
        root: &str,
        client_id: &str,
        access_token: &str,
        timeout: Duration,
    ) -> Result<Self, Invalid> {
        let address = format!("{}/api/notify/v1/email", root.trim_end_matches('/'));
        let url = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            Invalid::new("TASKCLUSTER_ROOT_URL", "must be an http or https address")
        })?;
        let unusable = |e: String| Invalid::new("TASKCLUSTER_ACCESS_TOKEN", e);
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| unusable(e.to_string()))?;
        Ok(Self {
            http,
            url,
            credentials: hawk::Credentials {
                id: client_id.to_owned(),
                key: Key::new(access_token.as_bytes(), SHA256)
                    .map_err(|e| unusable(e.to_string()))?,
            },
        })
    }

    /// Orders a mail.
    ///
    /// # Errors
    /// `Unavailable` when a later try may help, `InvalidInput` when the service refuses the order.
    pub async fn send(&self, mail: &Mail) -> Result<()> {
        let body = serde_json::to_vec(mail)
            .map_err(|e| Error::internal("a mail is no JSON").with_source(e))?;
        let request = self
            .http
            .post(self.url.clone())
            .header("content-type", MEDIA_TYPE)
            .header("authorization", self.header(&body)?)
            .body(body);
        let response = request.send().await.map_err(|e| {
            Error::unavailable("the notify service does not answer").with_source(e.without_url())
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let text = format!("the notify service answers {}", status.as_u16());
        Err(Error::new(Kind::of_refusal(status.as_u16()), text))
    }

    fn header(&self, body: &[u8]) -> Result<String> {
        let sign = || -> hawk::Result<String> {
            let hash = PayloadHasher::hash(MEDIA_TYPE, SHA256, body)?;
            let header = RequestBuilder::from_url("POST", &self.url)?
                .hash(hash.as_slice())
                .request()
                .make_header(&self.credentials)?;
            Ok(format!("Hawk {header}"))
        };
        sign().map_err(|e| Error::internal("no signature").with_source(e))
    }
}

/// Without the key.
impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notify({} at {})", self.credentials.id, self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_method_address_and_body() {
        let second = Duration::from_secs(1);
        let root = "https://tc.example.org/";
        let notify = Notify::new(root, "demo/service", "demo-key", second).unwrap();
        let body = br#"{"address":"demo@example.org"}"#;
        let text = notify.header(body).unwrap();
        let header: hawk::Header = text.strip_prefix("Hawk ").unwrap().parse().unwrap();
        assert_eq!(header.id.as_deref(), Some("demo/service"));
        let key = Key::new(b"demo-key", SHA256).unwrap();
        let holds = |path: &str, body: &[u8]| {
            let hash = PayloadHasher::hash("application/json", SHA256, body).unwrap();
            RequestBuilder::new("POST", "tc.example.org", 443, path)
                .hash(hash.as_slice())
                .request()
                .validate_header(&header, &key, second * 60)
        };
        assert!(holds("/api/notify/v1/email", body));
        assert!(!holds("/api/notify/v1/email", b"{}"));
        assert!(!holds("/api/notify/v1/irc", body));
        assert!(!format!("{notify:?}").contains("demo-key"));
    }

    #[test]
    fn a_root_that_is_no_address_is_refused() {
        for root in ["", "tc.example.org", "ftp://tc.example.org"] {
            let refused = Notify::new(root, "demo", "demo", Duration::from_secs(1)).unwrap_err();
            assert_eq!(refused.name, "TASKCLUSTER_ROOT_URL");
        }
    }
}
