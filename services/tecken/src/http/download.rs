// SPDX-License-Identifier: MPL-2.0
//! Downloads: a redirect to the store, or a miss that is recorded (tecken.md §2).

use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use releng_common::http::query::Query;
use releng_common::{Error, Result};
use releng_symbols::response::is_debug_value;

use super::answer::{allow_all_origins, decoded_path};
use super::path_not_found;
use crate::State;
use crate::domain::{Miss, PRODUCTS, RESERVED, Refusal, Wanted, is_hex};
use crate::ops;

const INVALID: &str = "Symbol name lookup contains invalid characters and will never be found.";
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'+');

#[utoipa::path(get, path = "/{symbol}/{hex}/{filename}",
    params(("symbol" = String, Path, description = "Module"), ("hex" = String, Path, description = "Debug id"),
        ("filename" = String, Path, description = "File"),
        ("try" = Option<String>, Query, description = "Present: try symbols count"),
        ("_refresh" = Option<String>, Query, description = "Present: the stores are asked anew"),
        ("code_file" = Option<String>, Query, description = "Noted with a miss"),
        ("code_id" = Option<String>, Query, description = "Noted with a miss")),
    responses((status = 302, description = "Where the file is"), (status = 404, description = "No such file"),
        (status = 400, description = "A name that can never be found")))]
pub(super) async fn download(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let (wanted, has_try_prefix) = wanted(&request, &query)?;
    let view = View {
        request: &request,
        query: &query,
        started: Instant::now(),
        has_try_prefix,
    };
    match wanted.check(&state.settings.own.download_extensions) {
        Err(Refusal::Ignored) => {
            return Ok(view.text(
                StatusCode::NOT_FOUND,
                "Symbol Not Found (and ignored)",
                true,
            ));
        }
        Err(Refusal::ForbiddenCharacter) => {
            return Ok(view.text(StatusCode::BAD_REQUEST, INVALID, true));
        }
        Ok(()) => {}
    }
    let refresh = query.has("_refresh");
    if let Some((source, key)) = ops::symbol_find(&state, &wanted, refresh).await? {
        if request.method() == Method::HEAD {
            return Ok(view.text(StatusCode::OK, "", false));
        }
        let url = ops::symbol_url(source, &key).await?;
        return Ok(view.redirect(&url.resolve(&state.outside.base(&request))));
    }
    if let Some(found) = ops::symbol_by_code(&state, &wanted, refresh).await? {
        return Ok(view.redirect(&view.by_debug_id(&found)));
    }
    view.miss(&state, wanted).await
}

/// Reads the path, decoded before it is split, so that an encoded slash makes a segment as well.
fn wanted(request: &HttpRequest, query: &Query) -> Result<(Wanted, bool)> {
    let path = decoded_path(request);
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (first, rest) = match segments.as_slice() {
        [first, rest @ ..] if rest.len() == 3 => (Some(*first), rest),
        rest => (None, rest),
    };
    let [symbol, debug_id, filename] = rest else {
        return Err(path_not_found());
    };
    let is_reserved = RESERVED.contains(first.as_ref().unwrap_or(symbol)) && first != Some("try");
    if is_reserved || !is_hex(debug_id) || symbol.is_empty() || filename.is_empty() {
        return Err(path_not_found());
    }
    if first.is_some_and(|first| first != "try" && !PRODUCTS.contains(&first)) {
        return Err(Error::not_found("Invalid legacy product prefix"));
    }
    let has_try_prefix = first == Some("try");
    let wanted = Wanted {
        symbol: (*symbol).to_owned(),
        debug_id: (*debug_id).to_owned(),
        filename: (*filename).to_owned(),
        is_try: has_try_prefix || query.has("try"),
    };
    Ok((wanted, has_try_prefix))
}

/// One request, for the headers that all its answers share.
struct View<'a> {
    request: &'a HttpRequest,
    query: &'a Query,
    started: Instant,
    has_try_prefix: bool,
}

impl View<'_> {
    fn text(&self, status: StatusCode, text: &'static str, is_unasked: bool) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        allow_all_origins(&mut response);
        self.time(&mut response, is_unasked);
        response.content_type("text/html; charset=utf-8").body(text)
    }

    fn redirect(&self, location: &str) -> HttpResponse {
        let mut response = HttpResponse::Found();
        allow_all_origins(&mut response);
        self.time(&mut response, false);
        response
            .insert_header(("location", location))
            .content_type("text/html; charset=utf-8")
            .finish()
    }

    /// Adds how long it took; nothing at all when no store was asked.
    fn time(&self, response: &mut actix_web::HttpResponseBuilder, is_unasked: bool) {
        let header = self
            .request
            .headers()
            .get("debug")
            .and_then(|v| v.to_str().ok());
        if header.is_some_and(is_debug_value) {
            let seconds = if is_unasked {
                0.0
            } else {
                self.started.elapsed().as_secs_f64()
            };
            response.insert_header(("debug-time", format!("{seconds:?}")));
        }
    }

    /// Returns the path of a file found by code id, with everything else as it was asked for.
    fn by_debug_id(&self, segments: &[String; 3]) -> String {
        let mut path = if self.has_try_prefix {
            "/try".to_owned()
        } else {
            String::new()
        };
        for segment in segments {
            path.push('/');
            path.push_str(&utf8_percent_encode(segment, SEGMENT).to_string());
        }
        match self.request.query_string() {
            "" => path,
            query => format!("{path}?{query}"),
        }
    }

    async fn miss(&self, state: &State, wanted: Wanted) -> Result<HttpResponse> {
        if self.request.method() == Method::HEAD {
            return Ok(self.text(StatusCode::NOT_FOUND, "Symbol Not Found", false));
        }
        let field = |name: &str| self.query.get(name).unwrap_or_default().trim().to_owned();
        let (code_file, code_id) = (field("code_file"), field("code_id"));
        for (name, value) in [("code_file", &code_file), ("code_id", &code_id)] {
            if value.contains('\0') {
                let mut response = HttpResponse::BadRequest();
                allow_all_origins(&mut response);
                return Ok(response
                    .content_type("text/html; charset=utf-8")
                    .body(format!("{name}: Null characters are not allowed.")));
            }
        }
        let Wanted {
            symbol,
            debug_id,
            filename,
            ..
        } = wanted;
        let miss = Miss {
            symbol,
            debug_id,
            filename,
            code_file,
            code_id,
        };
        ops::missing_record(state, miss).await;
        Ok(self.text(StatusCode::NOT_FOUND, "Symbol Not Found", false))
    }
}
