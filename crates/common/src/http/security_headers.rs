// SPDX-License-Identifier: MPL-2.0
//! The headers that every answer carries (platform.md §8).

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
};

use crate::config::Invalid;

/// Headers with fixed values, added where the handler did not set its own.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    fixed: Vec<(HeaderName, HeaderValue)>,
    html_policy: HeaderValue,
    /// Paths that begin so carry no policy.
    bare_prefix: Option<&'static str>,
    hsts: HeaderValue,
}

/// One year, as the predecessors sent it.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31556926; includeSubDomains");

impl SecurityHeaders {
    /// Builds the set. `connect` lists the origins that pages may talk to besides their own.
    ///
    /// # Errors
    /// An origin cannot stand in a header.
    pub fn new(connect: &[&str]) -> Result<Self, Invalid> {
        let connect = std::iter::once("'self'").chain(connect.iter().copied());
        let policy = format!(
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src {}; object-src 'none'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'self'",
            connect.collect::<Vec<_>>().join(" ")
        );
        Self::with_policy(&policy)
    }

    /// Adds the address to which browsers report what the policy forbade, with environment and version
    /// behind it, as the Flask services put it together (platform.md §8).
    ///
    /// # Errors
    /// The address cannot stand in the header.
    pub fn with_reports_to(self, uri: &str, env: &str, version: &str) -> Result<Self, Invalid> {
        let mut tail = url::form_urlencoded::Serializer::new(String::new());
        tail.append_pair("sentry_environment", env);
        tail.append_pair("sentry_release", version);
        self.with_report_uri(&format!("{uri}&{}", tail.finish()))
    }

    /// Adds the address to which browsers report what the policy forbade.
    ///
    /// # Errors
    /// The address cannot stand in the header.
    pub fn with_report_uri(mut self, uri: &str) -> Result<Self, Invalid> {
        let policy = self.html_policy.to_str().unwrap_or_default();
        self.html_policy = HeaderValue::from_str(&format!("{policy}; report-uri {uri}"))
            .map_err(|e| Invalid::new("Content-Security-Policy", e.to_string()))?;
        Ok(self)
    }

    /// Builds the set with a policy of the service's own.
    ///
    /// # Errors
    /// The policy cannot stand in a header.
    pub fn with_policy(policy: &str) -> Result<Self, Invalid> {
        let fixed = [
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
        ];
        Ok(Self {
            fixed: fixed
                .into_iter()
                .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
                .collect(),
            html_policy: HeaderValue::from_str(policy)
                .map_err(|e| Invalid::new("Content-Security-Policy", e.to_string()))?,
            bare_prefix: None,
            hsts: HSTS,
        })
    }

    /// Leaves the policy out for paths that begin with `prefix`.
    #[must_use]
    pub fn without_policy_below(mut self, prefix: &'static str) -> Self {
        self.bare_prefix = Some(prefix);
        self
    }

    /// Adds a header with a fixed value.
    #[must_use]
    pub fn with_fixed(mut self, name: &'static str, value: &'static str) -> Self {
        self.fixed.push((
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
        self
    }

    /// Replaces the value of `Strict-Transport-Security`.
    ///
    /// # Errors
    /// The value cannot stand in a header.
    pub fn with_hsts(mut self, value: &str) -> Result<Self, Invalid> {
        self.hsts = HeaderValue::from_str(value)
            .map_err(|e| Invalid::new("Strict-Transport-Security", e.to_string()))?;
        Ok(self)
    }

    /// Adds what is missing.
    pub fn decorate(&self, is_secure: bool, path: &str, headers: &mut HeaderMap) {
        for (name, value) in &self.fixed {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        let is_bare = self
            .bare_prefix
            .is_some_and(|prefix| path.starts_with(prefix));
        if !is_bare && !headers.contains_key(CONTENT_SECURITY_POLICY) {
            headers.insert(CONTENT_SECURITY_POLICY, self.html_policy.clone());
        }
        if is_secure {
            headers.insert(STRICT_TRANSPORT_SECURITY, self.hsts.clone());
        }
    }
}
