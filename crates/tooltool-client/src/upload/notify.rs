// SPDX-License-Identifier: MPL-2.0
//! Telling the server that bytes have arrived, and waiting for its verdict.

use std::time::{Duration, Instant};

use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName},
};
use serde_json::Value;

use crate::{
    api::{Api, refusal},
    digest::Sha512,
};

const X_RETRY_AFTER: HeaderName = HeaderName::from_static("x-retry-after");
const DEFAULT_WAIT_SECS: u64 = 60;
const LONGEST_WAIT_SECS: u64 = 3600;
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Asks for the verification of a file; waits while the server says that it is too early.
pub(super) async fn complete(api: &Api, digest: Sha512) {
    let path = format!("upload/complete/sha512/{digest}");
    loop {
        let answer = match api.call(Method::GET, &path, &[], None).await {
            Ok(answer) => answer,
            Err(error) => return api.log().error(error),
        };
        if answer.status != StatusCode::CONFLICT {
            if !answer.status.is_success() {
                api.log().error(refusal(&answer));
            }
            return;
        }
        let secs = wait_secs(&answer.headers);
        api.log().info(format_args!(
            "Waiting {secs} seconds for upload URLs to expire"
        ));
        tokio::time::sleep(api.transport().pace.scaled(Duration::from_secs(secs))).await;
    }
}

/// Waits until the server has a verified copy. The API has no word for "rejected": a rejected
/// file just never gets a copy, so the deadline decides.
pub(super) async fn verified(
    api: &Api,
    digest: Sha512,
    started: Instant,
    limit: Duration,
) -> Result<(), String> {
    let path = format!("file/sha512/{digest}");
    loop {
        let file = api.json(Method::GET, &path, &[], None).await;
        let file = file.map_err(|error| error.to_string())?;
        if file.get("has_instances").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        if started.elapsed() >= limit {
            return Err(format!(
                "after {} seconds the server has no verified copy, it may have rejected the bytes",
                limit.as_secs_f64()
            ));
        }
        tokio::time::sleep(api.transport().pace.scaled(LOOK_EVERY)).await;
    }
}

fn wait_secs(headers: &HeaderMap) -> u64 {
    let asked = headers
        .get(X_RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // At least one second: "0" must not become a busy loop.
    asked
        .unwrap_or(DEFAULT_WAIT_SECS)
        .clamp(1, LONGEST_WAIT_SECS)
}
