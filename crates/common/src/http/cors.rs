// SPDX-License-Identifier: MPL-2.0
//! Which answers a browser may show to pages of other origins (platform.md §9).

use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap, HeaderValue, ORIGIN, VARY};
use actix_web::{HttpRequest, HttpResponse};

/// Methods that the Flask services allow across origins.
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
/// Seconds for which a browser may remember a preflight.
const MAX_AGE: &str = "86400";

/// The rule of one service.
#[derive(Clone, Debug)]
pub struct Cors {
    prefix: Option<&'static str>,
    origins: Vec<String>,
    methods: &'static str,
    /// Headers named in a preflight answer; `None` echoes what was asked.
    headers: Option<&'static str>,
    /// True when answers without `Origin` carry the header too.
    is_unconditional: bool,
}

impl Cors {
    /// Returns the rule of treestatus and tooltool: every answer, errors included.
    /// `origins` is `*` or a list separated by blanks or commas (`CORS_ORIGINS`).
    pub fn everywhere(origins: &str) -> Self {
        Self {
            prefix: Some(""),
            origins: origins
                .split([' ', '\t', ','])
                .filter(|origin| !origin.is_empty())
                .map(str::to_owned)
                .collect(),
            methods: METHODS,
            headers: None,
            is_unconditional: true,
        }
    }

    /// Returns the rule of buildhub: only paths that begin with `prefix`, only with an `Origin`.
    pub fn below(prefix: &'static str, origins: &str, headers: &'static str) -> Self {
        Self {
            prefix: Some(prefix),
            methods: "DELETE, GET, OPTIONS, PATCH, POST, PUT",
            headers: Some(headers),
            is_unconditional: false,
            ..Self::everywhere(origins)
        }
    }

    /// Returns the rule of tecken: handlers that allow CORS set its headers themselves.
    pub fn by_handlers() -> Self {
        Self {
            prefix: None,
            ..Self::everywhere("")
        }
    }

    fn covers(&self, request: &HttpRequest) -> bool {
        self.prefix
            .is_some_and(|prefix| request.path().starts_with(prefix))
    }

    /// Returns the value of `Access-Control-Allow-Origin`, if the origin may read.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let is_open = self.origins.iter().any(|o| o == "*");
        match origin {
            Some(origin) if is_open || self.origins.iter().any(|o| origin == o.as_str()) => {
                Some(if self.is_unconditional {
                    origin.clone()
                } else {
                    HeaderValue::from_static("*")
                })
            }
            None if is_open && self.is_unconditional => Some(HeaderValue::from_static("*")),
            Some(_) | None => None,
        }
    }

    /// Answers a preflight; `None` for every other request.
    pub fn preflight(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
        header("access-control-request-method")?;
        if *request.method() != Method::OPTIONS || !self.covers(request) {
            return None;
        }
        self.allowed(Some(request.headers().get(ORIGIN)?))?;
        let asked = header("access-control-request-headers").unwrap_or_default();
        let mut response = HttpResponse::Ok();
        response
            .insert_header(("access-control-allow-methods", self.methods))
            .insert_header(("access-control-max-age", MAX_AGE));
        let headers = self.headers.unwrap_or(asked);
        if !headers.is_empty() {
            response.insert_header(("access-control-allow-headers", headers));
        }
        Some(response.finish())
    }

    /// Adds the headers of an ordinary answer.
    pub fn decorate(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        if !self.covers(request) {
            return;
        }
        let origin = request.headers().get(ORIGIN);
        if origin.is_some() {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(value) = self.allowed(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
    }
}
