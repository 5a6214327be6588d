// SPDX-License-Identifier: MPL-2.0
//! Reads request bodies with a limit and says clearly what is wrong with them.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::error::{Error, Kind, Result};

/// Longest pause between two pieces of a body.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Largest body of the JSON endpoints unless a service says otherwise (platform.md §14).
pub const JSON_LIMIT_BYTES: usize = 1 << 20;

/// Reads the whole body.
///
/// # Errors
/// `TooLarge` beyond `limit` bytes, `InvalidInput` when the connection breaks or the encoding is off.
pub async fn read(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<Bytes> {
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
    let mut body = BytesMut::new();
    while let Some(chunk) = next(&mut payload).await? {
        let chunk = chunk
            .map_err(|e| Error::invalid("the body could not be read").with_source(e.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Waits for the next piece of a body, but not for ever: a client that stops sending must not hold
/// a connection.
async fn next(
    payload: &mut Payload,
) -> Result<Option<std::result::Result<Bytes, actix_web::error::PayloadError>>> {
    tokio::time::timeout(PATIENCE, payload.next())
        .await
        .map_err(|_| Error::invalid("the body stopped arriving"))
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
