// SPDX-License-Identifier: MPL-2.0
//! Reads request bodies with a limit and says clearly what is wrong with them.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::auth::Caller;
use crate::error::{Error, Kind, Result};

/// How long a body that is read as a whole may take to arrive (`BODY_TIMEOUT_SECONDS`).
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

/// Largest body of the JSON endpoints unless a service says otherwise (platform.md §14).
pub const JSON_LIMIT_BYTES: usize = 1 << 20;

/// Reads the whole body.
///
/// # Errors
/// `TooLarge` beyond `limit` bytes, `RequestTimeout` when the body takes too long, `InvalidInput` when
/// the connection breaks or the encoding is off.
pub async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes> {
    read_in_pieces(request, payload, limit, Duration::MAX, |_| Ok(())).await
}

/// Reads the whole body, with no pause longer than `idle`, and asks `take` for the memory of each
/// piece.
///
/// # Errors
/// Those of [`read`], and those of `take`.
pub async fn read_in_pieces(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    idle: Duration,
    mut take: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    let announced = request
        .headers()
        .get("content-length")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok());
    let too_large = || {
        Error::new(
            Kind::TooLarge,
            format!("the body is larger than {limit} bytes"),
        )
    };
    if announced.is_some_and(|n| usize::try_from(n).map_or(true, |n| n > limit)) {
        return Err(too_large());
    }
    let patience = request.app_data::<Patience>().copied().unwrap_or_default();
    let deadline = tokio::time::Instant::now() + patience.0;
    let mut body = BytesMut::new();
    loop {
        let now = tokio::time::Instant::now();
        let until = now
            .checked_add(idle)
            .map_or(deadline, |idle| idle.min(deadline));
        let Some(chunk) = next(&mut payload, until).await? else {
            return Ok(body.freeze());
        };
        let chunk = chunk
            .map_err(|e| Error::invalid("the body could not be read").with_source(e.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        take(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
}

/// Waits for the next piece of a body, but not for ever: a client that stops or dribbles must not
/// hold a connection.
async fn next(
    payload: &mut Payload,
    deadline: tokio::time::Instant,
) -> Result<Option<std::result::Result<Bytes, actix_web::error::PayloadError>>> {
    tokio::time::timeout_at(deadline, payload.next())
        .await
        .map_err(|_| Error::new(Kind::RequestTimeout, "the body took too long to arrive"))
}

/// Checks the payload hash that a caller may have signed, on a route that takes nothing from the
/// body (D-7).
///
/// # Errors
/// `Unauthenticated` when the hash is that of another body, and those of [`read`].
pub async fn check_signed(
    request: &HttpRequest,
    payload: Payload,
    caller: &Caller,
    limit: usize,
) -> Result<()> {
    if !caller.has_payload_hash() {
        return Ok(());
    }
    let body = read(request, payload, limit).await?;
    let sent = caller.check_payload(&media_type(request), &body);
    if sent.is_err() && body.is_empty() {
        // Without a body clients differ in the media type that they sign.
        return caller
            .check_payload("", &body)
            .or_else(|_| caller.check_payload("application/json", &body));
    }
    sent
}

/// Returns the media type of the request in lower case, without parameters; empty when absent.
pub fn media_type(request: &HttpRequest) -> String {
    request
        .headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .map(|v| v.trim().to_ascii_lowercase())
        .unwrap_or_default()
}
