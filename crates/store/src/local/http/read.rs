// SPDX-License-Identifier: MPL-2.0
//! GET and HEAD of an object.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HttpDate, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt;
use futures_util::stream;
use std::time::SystemTime;

use super::conditions;
use super::refusal::Refusal;
use crate::attributes::METADATA_HEADER;
use crate::local::LocalStore;
use crate::{ByteStream, Key, Meta};

/// Answers with the object, a part of it, or the news that the client has it already.
pub(crate) async fn serve(
    store: &LocalStore,
    key: &Key,
    request: &HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let found = store.find(key).await?.ok_or(Refusal::NoSuchKey)?;
    let meta = &found.meta;
    if conditions::is_known(request, meta) {
        let mut response = HttpResponse::NotModified();
        version_headers(&mut response, meta);
        return Ok(response.finish());
    }
    let part = conditions::range(request, meta);
    let range = match part {
        None => 0..meta.size,
        Some(part) => part
            .within(meta.size)
            .ok_or(Refusal::InvalidRange(meta.size))?,
    };
    let mut response = HttpResponse::Ok();
    if part.is_some() {
        let (first, last) = (range.start, range.end.saturating_sub(1));
        response.status(StatusCode::PARTIAL_CONTENT);
        response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{}", meta.size)));
    }
    version_headers(&mut response, meta);
    content_headers(&mut response, meta);
    let length = range.end.saturating_sub(range.start);
    let bytes: ByteStream = if request.method() == Method::HEAD {
        stream::empty().boxed()
    } else {
        found.stream(range)
    };
    Ok(response.body(SizedStream::new(length, bytes)))
}

/// What a 304 repeats as well.
fn version_headers(response: &mut HttpResponseBuilder, meta: &Meta) {
    let last_modified = HttpDate::from(SystemTime::from(meta.last_modified));
    response
        .insert_header((ETAG, format!("\"{}\"", meta.etag)))
        .insert_header((LAST_MODIFIED, last_modified))
        // Browsers follow the redirects of the services here from their pages.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if let Some(value) = &meta.cache_control {
        response.insert_header((CACHE_CONTROL, value.as_str()));
    }
}

fn content_headers(response: &mut HttpResponseBuilder, meta: &Meta) {
    response
        .insert_header((ACCEPT_RANGES, "bytes"))
        // Anybody with an upload right decides on these bytes, and they come from the address of
        // the service: no browser may take them for one of its pages.
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"));
    for (name, value) in [
        (CONTENT_TYPE, &meta.content_type),
        (CONTENT_ENCODING, &meta.content_encoding),
    ] {
        if let Some(value) = value {
            response.insert_header((name, value.as_str()));
        }
    }
    for (name, value) in &meta.metadata {
        response.insert_header((format!("{METADATA_HEADER}{name}"), value.as_str()));
    }
}
