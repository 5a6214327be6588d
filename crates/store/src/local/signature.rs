// SPDX-License-Identifier: MPL-2.0
//! Signed URLs of a local store: `/__store__/NAME/KEY?expires=…&headers=…&signature=…`.
//!
//! The signature is an HMAC-SHA256 over method, store, key, expiry and the headers that the client
//! must send, each with its length in front so that no two requests read the same. A key that HTTP
//! clients would rewrite in a path (`a//b`, `..`) stands in the query: `/__store__/NAME?key=…`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, Mac};
use releng_common::{Clock, Error, Result};
use sha2::Sha256;

use super::LocalStore;
use crate::expiry::check_expiry;
use crate::url_path::{encode_path, encode_value, survives_in_path};
use crate::{Attributes, Key, SignedUrl};

/// Where the URLs of all local stores begin.
pub(crate) const PATH_PREFIX: &str = "/__store__/";

/// What a signature stands for.
pub(crate) struct Claim<'a> {
    pub(crate) method: &'a str,
    pub(crate) key: &'a Key,
    /// Unix seconds, as they stand in the URL.
    pub(crate) expires: &'a str,
    /// Headers by lower-case name.
    pub(crate) headers: &'a BTreeMap<String, String>,
}

/// A path with room for a query.
pub(crate) struct UrlPath {
    text: String,
    has_query: bool,
}

impl UrlPath {
    pub(crate) fn finish(mut self, parameters: &[(&str, &str)]) -> String {
        for (name, value) in parameters {
            self.text.push(if self.has_query { '&' } else { '?' });
            self.has_query = true;
            self.text
                .push_str(&format!("{name}={}", encode_value(value)));
        }
        self.text
    }
}

impl LocalStore {
    pub(crate) fn path_of(&self, key: &Key) -> UrlPath {
        let (name, key) = (&self.inner.name, key.as_str());
        if survives_in_path(key) {
            let text = format!("{PATH_PREFIX}{name}/{}", encode_path(key));
            UrlPath {
                text,
                has_query: false,
            }
        } else {
            let text = format!("{PATH_PREFIX}{name}?key={}", encode_value(key));
            UrlPath {
                text,
                has_query: true,
            }
        }
    }

    pub(crate) fn signed_url(
        &self,
        method: &str,
        key: &Key,
        expires_at: DateTime<Utc>,
        signed: &Attributes,
    ) -> SignedUrl {
        let headers = signed.headers();
        let expires = expires_at.timestamp().to_string();
        let claim = Claim {
            method,
            key,
            expires: &expires,
            headers: &headers,
        };
        let signature = hex::encode(self.mac_of(&claim).finalize().into_bytes());
        let names = headers
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(",");
        let mut parameters = vec![("expires", expires.as_str())];
        if !names.is_empty() {
            parameters.push(("headers", &names));
        }
        parameters.push(("signature", &signature));
        SignedUrl::Path(self.path_of(key).finish(&parameters))
    }

    /// Tells whether the signature (hexadecimal) is ours, in constant time.
    pub(crate) fn has_signed(&self, claim: &Claim<'_>, signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|tag| self.mac_of(claim).verify_slice(&tag).is_ok())
    }

    /// Tells whether a URL with this expiry is too old. One that is no number is.
    pub(crate) fn is_expired(&self, expires: &str) -> bool {
        let expires_at = expires
            .parse()
            .ok()
            .and_then(|secs| DateTime::from_timestamp(secs, 0));
        expires_at.is_none_or(|expires_at| self.inner.clock.now() > expires_at)
    }

    fn mac_of(&self, claim: &Claim<'_>) -> Hmac<Sha256> {
        let mut mac = self.inner.secret.mac();
        let mut add = |field: &str| {
            mac.update(format!("{}:", field.len()).as_bytes());
            mac.update(field.as_bytes());
        };
        for field in [
            claim.method,
            &self.inner.name,
            claim.key.as_str(),
            claim.expires,
        ] {
            add(field);
        }
        for (name, value) in claim.headers {
            add(name);
            add(value);
        }
        mac
    }
}

/// Returns when a URL ends that is signed now. Cut to seconds, so never later than asked for.
pub(crate) fn expires_at(clock: &Clock, expires_secs: u32) -> Result<DateTime<Utc>> {
    check_expiry(expires_secs)?;
    clock
        .now()
        .checked_add_signed(Duration::seconds(i64::from(expires_secs)))
        .ok_or_else(|| Error::internal("the clock is beyond all dates"))
}
