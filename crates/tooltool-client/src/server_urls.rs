// SPDX-License-Identifier: MPL-2.0
//! Base URLs of servers and the URLs below them.

use std::fmt;

use url::Url;

use crate::digest::Sha512;

/// The public server, used when nothing else is configured.
pub const DEFAULT_HOST: &str = "tooltool.mozilla-releng.net";

/// A base URL: http or https, ending in `/`, without query, fragment and user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// Why a text is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a server URL: {rule}")]
pub struct InvalidUrl {
    text: String,
    rule: String,
}

impl ServerUrl {
    /// Reads a base URL; a missing `/` at the end is added.
    ///
    /// # Errors
    /// The text is not an absolute http or https URL, or has parts that a base cannot have.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let refuse = |rule: &str| InvalidUrl {
            text: text.to_owned(),
            rule: rule.to_owned(),
        };
        let slash = if text.ends_with('/') { "" } else { "/" };
        let url = Url::parse(&format!("{text}{slash}")).map_err(|e| refuse(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it must begin with http:// or https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it must not have a query or fragment"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The text holds a password: do not repeat it.
            return Err(InvalidUrl {
                text: "the given URL".to_owned(),
                rule: "credentials belong into an authentication file".to_owned(),
            });
        }
        Ok(Self(url))
    }

    /// Returns the default: the host, behind the task's proxy when there is one.
    ///
    /// # Errors
    /// Host or proxy do not make a URL.
    pub fn default_for(host: Option<&str>, proxy: Option<&str>) -> Result<Self, InvalidUrl> {
        let host = host.unwrap_or(DEFAULT_HOST);
        Self::parse(&match proxy {
            Some(proxy) => format!("{}/{host}", proxy.trim_end_matches('/')),
            None => format!("https://{host}"),
        })
    }

    /// Returns the URL of a path below the base.
    pub fn at(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Returns the download URL of a file.
    pub fn file(&self, digest: &Sha512, region: Option<&str>) -> Url {
        let region: Vec<_> = region
            .map(|region| ("region", region))
            .into_iter()
            .collect();
        self.at(&format!("sha512/{digest}"), &region)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_ends_in_a_slash() {
        for (text, url) in [
            ("http://localhost:8010", "http://localhost:8010/"),
            ("https://h/tooltool/", "https://h/tooltool/"),
            ("https://h/a/b", "https://h/a/b/"),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().to_string(), url);
        }
    }

    #[test]
    fn the_default_is_the_public_host_or_the_proxy() {
        for (host, proxy, url) in [
            (None, None, "https://tooltool.mozilla-releng.net/"),
            (Some("h.example"), None, "https://h.example/"),
            (
                None,
                Some("http://taskcluster"),
                "http://taskcluster/tooltool.mozilla-releng.net/",
            ),
            (
                Some("h.example"),
                Some("http://tc:80/"),
                "http://tc/h.example/",
            ),
        ] {
            assert_eq!(
                ServerUrl::default_for(host, proxy).unwrap().to_string(),
                url
            );
        }
    }

    #[test]
    fn a_file_is_below_its_algorithm_and_the_region_is_a_query() {
        let (digest, _) = Sha512::of_reader(&mut std::io::empty()).unwrap();
        let base = ServerUrl::parse("https://h/x").unwrap();
        assert_eq!(
            base.file(&digest, None).to_string(),
            format!("https://h/x/sha512/{digest}")
        );
        assert_eq!(
            base.file(&digest, Some("us west&1")).to_string(),
            format!("https://h/x/sha512/{digest}?region=us+west%261")
        );
    }

    #[test]
    fn other_schemes_queries_and_passwords_are_refused() {
        for (text, message) in [
            (
                "ftp://h",
                "'ftp://h' is not a server URL: it must begin with http:// or https://",
            ),
            ("h", "'h' is not a server URL: relative URL without a base"),
            (
                "https://h/?a=1",
                "'https://h/?a=1' is not a server URL: it must not have a query or fragment",
            ),
            (
                "https://me:secret@h/",
                "'the given URL' is not a server URL: credentials belong into an authentication file",
            ),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap_err().to_string(), message);
        }
    }
}
