// SPDX-License-Identifier: MPL-2.0
//! PUT of an object through a signed URL.

use std::io;
use std::time::Duration;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use releng_common::Error;

use super::refusal::Refusal;
use super::request::{Target, header};
use crate::attributes::{DEFAULT_CONTENT_TYPE, METADATA_HEADER};
use crate::local::LocalStore;
use crate::local::incoming::Announced;
use crate::{Attributes, Key};

/// Takes the body and answers 200 once it is safe.
pub(crate) async fn serve(
    store: &LocalStore,
    target: &Target,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Refusal> {
    let url_ends = target.ends().ok_or(Refusal::Unsigned)?;
    let attributes = attributes_of(request).checked()?;
    let announced = Announced {
        length: announced_length(request)?,
        md5: announced_md5(request)?,
    };
    let _permit = store
        .uploads()
        .clone()
        .try_acquire_owned()
        .map_err(|_| Refusal::SlowDown)?;
    let idle = Duration::from_secs(u64::from(store.limits().put_idle_secs));
    let body = Box::pin(with_idle_limit(payload, idle));
    let received = store.receive(body, announced).await.map_err(refuse)?;
    if received.has_other_md5() {
        return Err(Refusal::BadDigest);
    }
    let etag = received.etag().to_owned();
    let placed = store.commit(&target.key, received, attributes, Some(url_ends));
    // Who brings once more what is there already, only late, is not told that it failed.
    if placed.await?.is_none() && !has_tag(store, &target.key, &etag).await? {
        return Err(Refusal::Expired);
    }
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{etag}\"")))
        .finish())
}

async fn has_tag(store: &LocalStore, key: &Key, etag: &str) -> Result<bool, Refusal> {
    Ok(store.find(key).await?.is_some_and(|o| o.meta.etag == etag))
}

fn attributes_of(request: &HttpRequest) -> Attributes {
    let metadata = request
        .headers()
        .keys()
        .filter_map(|name| {
            let pair = name.as_str().strip_prefix(METADATA_HEADER)?;
            Some((pair.to_owned(), header(request, name.as_str())?))
        })
        .collect();
    let content_type = header(request, CONTENT_TYPE.as_str());
    Attributes {
        content_type: content_type.or_else(|| Some(DEFAULT_CONTENT_TYPE.to_owned())),
        content_encoding: header(request, CONTENT_ENCODING.as_str()),
        cache_control: header(request, CACHE_CONTROL.as_str()),
        metadata,
    }
}

fn announced_length(request: &HttpRequest) -> Result<Option<u64>, Refusal> {
    header(request, CONTENT_LENGTH.as_str())
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Refusal::Invalid("Content-Length is not a number of bytes".to_owned()))
}

fn announced_md5(request: &HttpRequest) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(text) = header(request, "content-md5") else {
        return Ok(None);
    };
    let digest = STANDARD.decode(text).ok().and_then(|d| d.try_into().ok());
    let invalid = || Refusal::Invalid("Content-MD5 is not 16 bytes in base64".to_owned());
    digest.ok_or_else(invalid).map(Some)
}

/// Passes the body on until the client pauses for too long.
fn with_idle_limit(payload: Payload, idle: Duration) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(payload), move |payload| async move {
        let mut payload = payload?;
        match tokio::time::timeout(idle, payload.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(payload))),
            Ok(Some(Err(e))) => Some((
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, e.to_string())),
                None,
            )),
            Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), None)),
        }
    })
}

/// Tells the faults of the client from those of the store.
fn refuse(error: Error) -> Refusal {
    let cause = std::error::Error::source(&error).and_then(|e| e.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => Refusal::IncompleteBody,
        Some(io::ErrorKind::TimedOut) => Refusal::RequestTimeout,
        _ => error.into(),
    }
}
