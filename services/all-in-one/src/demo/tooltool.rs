// SPDX-License-Identifier: MPL-2.0
//! Demo artifacts: a public and an internal one.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::http::{client, must};

const FILES: [(&str, &str, &[u8]); 2] = [
    (
        "demo-public.txt",
        "public",
        b"a demo file that everybody may have\n",
    ),
    (
        "demo-internal.txt",
        "internal",
        b"a demo file for those with the scope\n",
    ),
];

/// Longest time that the service is asked to look at the files.
const PATIENCE: Duration = Duration::from_secs(180);

/// Tells the service that the files are complete, as clients do: it verifies them as soon as the
/// upload addresses have expired.
pub async fn complete(address: &str) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    for (_, _, bytes) in FILES {
        let digest = hex::encode(Sha512::digest(bytes));
        let url = format!("{address}/upload/complete/sha512/{digest}");
        while started.elapsed() < PATIENCE {
            let response = client()?.get(&url).send().await?;
            if response.status() != 409 {
                break;
            }
            let wait = response
                .headers()
                .get("x-retry-after")
                .and_then(|v| v.to_str().ok());
            let seconds = wait.and_then(|text| text.parse().ok()).unwrap_or(60);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
    Ok(())
}

/// Uploads both as one batch.
pub async fn load(address: &str) -> anyhow::Result<()> {
    let mut files = serde_json::Map::new();
    for (name, visibility, bytes) in FILES {
        let entry = json!({
            "size": bytes.len(), "digest": hex::encode(Sha512::digest(bytes)),
            "algorithm": "sha512", "visibility": visibility,
        });
        files.insert(name.to_owned(), entry);
    }
    let batch = json!({"message": "demo files", "files": files});
    let answer = must("POST", &format!("{address}/upload"), &batch).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    for (name, _, bytes) in FILES {
        let file = &answer
            .pointer(&format!("/result/files/{name}"))
            .context("no such file")?;
        // A file that is there already has no address to send it to.
        let Some(url) = file.get("put_url").and_then(Value::as_str) else {
            continue;
        };
        let response = client()?
            .put(url)
            .header("content-type", "application/octet-stream")
            .body(bytes)
            .send()
            .await?;
        ensure!(response.status() == 200, "{name}: {}", response.status());
    }
    Ok(())
}
