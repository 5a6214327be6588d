// SPDX-License-Identifier: MPL-2.0
//! Which object a request means and whether its signature lets it through.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::Key;
use crate::attributes::METADATA_HEADER;
use crate::local::LocalStore;
use crate::local::signature::{Claim, PATH_PREFIX};

/// The object and the parameters of a URL.
pub(crate) struct Target {
    pub(crate) bucket: String,
    pub(crate) key: Key,
    expires: Option<String>,
    headers: Option<String>,
    signature: Option<String>,
}

impl Target {
    /// Reads the URL as it came over the wire: decoded by a router, `%2F` and `%25` are ambiguous.
    pub(crate) fn parse(request: &HttpRequest) -> Result<Self, Refusal> {
        let path = request.uri().path();
        let tail = path
            .strip_prefix(PATH_PREFIX)
            .ok_or(Refusal::NoSuchBucket)?;
        let (bucket, in_path) = match tail.split_once('/') {
            Some((bucket, key)) => (bucket, Some(decode(key)?)),
            None => (tail, None),
        };
        let query = request.uri().query().unwrap_or("");
        let mut parameters: BTreeMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect();
        let key = in_path
            .or_else(|| parameters.remove("key"))
            .ok_or_else(|| Refusal::Invalid("the URL names no key".to_owned()))?;
        Ok(Self {
            bucket: decode(bucket)?,
            key: Key::parse(key).map_err(|e| Refusal::Invalid(e.message().to_owned()))?,
            expires: parameters.remove("expires"),
            headers: parameters.remove("headers"),
            signature: parameters.remove("signature"),
        })
    }

    /// Returns when the URL ends.
    pub(crate) fn ends(&self) -> Option<DateTime<Utc>> {
        let secs = self.expires.as_deref()?.parse().ok()?;
        DateTime::from_timestamp(secs, 0)
    }

    pub(crate) fn is_unsigned(&self) -> bool {
        self.signature.is_none()
    }

    /// Checks that the request is the one that was signed, and in time.
    pub(crate) fn authorise(
        &self,
        store: &LocalStore,
        request: &HttpRequest,
    ) -> Result<(), Refusal> {
        let (Some(signature), Some(expires)) = (&self.signature, &self.expires) else {
            return Err(Refusal::Unsigned);
        };
        let names = self
            .headers
            .as_deref()
            .unwrap_or("")
            .split(',')
            .filter(|n| !n.is_empty());
        let headers: BTreeMap<String, String> = names
            .map(|name| (name.to_owned(), header(request, name).unwrap_or_default()))
            .collect();
        let method = request.method().as_str();
        let claim = Claim {
            method,
            key: &self.key,
            expires,
            headers: &headers,
        };
        if !store.has_signed(&claim, signature) {
            return Err(Refusal::SignatureDoesNotMatch);
        }
        if store.is_expired(expires) {
            return Err(Refusal::Expired);
        }
        let unsigned = request
            .headers()
            .keys()
            .map(|name| name.as_str())
            .find(|name| name.starts_with(METADATA_HEADER) && !headers.contains_key(*name));
        match unsigned {
            Some(name) => Err(Refusal::UnsignedHeader(name.to_owned())),
            None => Ok(()),
        }
    }
}

/// Returns the value of a header that came once and is text.
pub(crate) fn header(request: &HttpRequest, name: &str) -> Option<String> {
    let mut values = request.headers().get_all(name);
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty()).then(|| value.to_owned())
}

fn decode(text: &str) -> Result<String, Refusal> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refusal::Invalid("the URL is not UTF-8 when percent-decoded".to_owned()))
}
