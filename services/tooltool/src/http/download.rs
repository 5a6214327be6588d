// SPDX-License-Identifier: MPL-2.0
//! Downloads: a redirect to a signed URL.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::Outside;
use releng_common::http::query::Query;
use releng_common::{Error, Result};
use releng_store::SignedUrl;

use super::{caller, digest_in_path};
use crate::domain::Visibility;
use crate::redirects::Redirect;
use crate::{State, ops};

const HTML: &str = "text/html; charset=utf-8";

#[utoipa::path(get, path = "/sha512/{digest}",
    params(("digest" = String, Path, description = "SHA-512, lower case"), ("region" = Option<String>, Query, description = "Region to prefer")),
    responses((status = 302, description = "Where the bytes are"), (status = 400, description = "Not a digest"),
        (status = 403, description = "Scope missing"), (status = 404, description = "No such file, or not uploaded yet"), (status = 500, description = "No region of the file is configured")))]
pub(super) async fn redirect(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let digest = digest_in_path(&request)?;
    let found = ops::download_find(&state, &digest).await?;
    let file = found
        .as_ref()
        .as_ref()
        .ok_or_else(|| Error::internal("no file was found"))?;
    let is_open =
        file.visibility == Visibility::Public && state.settings.own.allow_anonymous_public_download;
    if !is_open {
        let caller = caller(&request, &state).await?;
        state
            .permissions
            .require_download(&caller, file.visibility)?;
    }
    let query = Query::of(&request);
    let url = ops::download_sign(&state, &digest, file, query.get("region")).await?;
    let base = base(&url, &request, &state.outside);
    let redirect = match file.redirects.get(&url, &base) {
        Some(redirect) => redirect,
        None => {
            let redirect = Arc::new(rendered(&with_base(&url, &base))?);
            file.redirects.put(url, base, Arc::clone(&redirect));
            redirect
        }
    };
    Ok(HttpResponse::Found()
        .insert_header((LOCATION, redirect.location.clone()))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(HTML)))
        .body(redirect.body.clone()))
}

/// Returns the whole address of a signed URL. Old clients use port 443 where none is given, even with
/// http, so the port always stands there unless it is a bucket's own 443.
pub(super) fn absolute(url: &SignedUrl, request: &HttpRequest, outside: &Outside) -> String {
    with_base(url, &base(url, request, outside))
}

/// Returns the address of the service, where the URL needs one.
fn base(url: &SignedUrl, request: &HttpRequest, outside: &Outside) -> String {
    match url {
        SignedUrl::Absolute(_) => String::new(),
        SignedUrl::Path(_) => outside.base(request),
    }
}

fn with_base(url: &SignedUrl, base: &str) -> String {
    match url {
        SignedUrl::Absolute(url) => match url.strip_prefix("http://") {
            Some(rest) => format!("http://{}", with_port(rest, 80)),
            None => url.clone(),
        },
        SignedUrl::Path(_) => {
            let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
            let port = if scheme == "https" { 443 } else { 80 };
            url.resolve(&format!("{scheme}://{}", with_port(rest, port)))
        }
    }
}

/// Adds a port to `host/path` unless there is one.
fn with_port(rest: &str, port: u16) -> String {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, tail) = rest.split_at(end);
    let name = host.rsplit(']').next().unwrap_or(host);
    if name.contains(':') {
        rest.to_owned()
    } else {
        format!("{host}:{port}{tail}")
    }
}

fn rendered(url: &str) -> Result<Redirect> {
    let link = escape(url);
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<title>Redirecting...</title>\n\
         <h1>Redirecting...</h1>\n<p>You should be redirected automatically to \
         <a href=\"{link}\">{link}</a>. If not, click the link.</p>\n</html>\n"
    );
    let location = HeaderValue::from_str(url)
        .map_err(|e| Error::internal("the address cannot stand in a header").with_source(e))?;
    Ok(Redirect {
        location,
        body: body.into(),
    })
}

fn escape(url: &str) -> String {
    let mut escaped = String::with_capacity(url.len() + 32);
    for c in url.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_where_none_stands() {
        for (rest, expected) in [
            ("host", "host:80"),
            ("host/a:b?c", "host:80/a:b?c"),
            ("host:8010/a", "host:8010/a"),
            ("[::1]/a", "[::1]:80/a"),
            ("[::1]:8010", "[::1]:8010"),
        ] {
            assert_eq!(with_port(rest, 80), expected);
        }
    }

    #[test]
    fn what_html_would_read_is_escaped() {
        assert_eq!(
            escape("http://h/?a=1&b=\"<>"),
            "http://h/?a=1&amp;b=&quot;&lt;&gt;"
        );
    }
}
