// SPDX-License-Identifier: MPL-2.0
//! Signed requests to the services, as any client would send them.

use anyhow::{Context as _, bail};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use serde_json::Value;

use crate::accounts::ADMIN;

/// Sends a JSON body as the demo administrator and returns status and body of the answer.
pub async fn send(method: &str, url: &str, body: &Value) -> anyhow::Result<(u16, Vec<u8>)> {
    let method = reqwest::Method::from_bytes(method.as_bytes())?;
    let request = client()?
        .request(method, url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .hawk(&Credentials::new(ADMIN.id, ADMIN.token))?;
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
}

/// Sends a JSON body and demands success.
pub async fn must(method: &str, url: &str, body: &Value) -> anyhow::Result<Vec<u8>> {
    let (status, answer) = send(method, url, body)
        .await
        .with_context(|| url.to_owned())?;
    if !(200..300).contains(&status) {
        bail!(
            "{method} {url}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
    }
    Ok(answer)
}

/// Returns a client that does not leave the machine by a proxy.
pub fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(30))
        .build()?)
}
