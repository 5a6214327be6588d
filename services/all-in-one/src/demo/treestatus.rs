// SPDX-License-Identifier: MPL-2.0
//! Demo trees: one of each status.

use anyhow::bail;
use serde_json::{Value, json};

use super::http::{must, send};

/// Makes three trees and gives two of them a history, each once: a later start must not close a tree
/// again that somebody has opened.
pub async fn load(address: &str) -> anyhow::Result<()> {
    for name in ["demo-central", "demo-beta", "demo-try"] {
        let body = json!({
            "tree": name, "status": "open", "reason": "",
            "message_of_the_day": "a demo tree",
        });
        let (status, answer) = send("PUT", &format!("{address}/trees/{name}"), &body).await?;
        let answer = String::from_utf8_lossy(&answer);
        if status != 204 && !answer.contains("tree already exists") {
            bail!("{name}: {status} {answer}");
        }
    }
    if !has_history(address, "demo-central").await? {
        close(address).await?;
    }
    if !has_history(address, "demo-beta").await? {
        restrict(address).await?;
    }
    Ok(())
}

async fn has_history(address: &str, tree: &str) -> anyhow::Result<bool> {
    let answer = must("GET", &format!("{address}/trees/{tree}"), &json!({})).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.pointer("/result/log_id").is_some_and(Value::is_i64))
}

async fn close(address: &str) -> anyhow::Result<()> {
    let closed = json!({
        "trees": ["demo-central"], "status": "closed",
        "reason": "demo: tests fail on all platforms", "tags": ["checkin_test"], "remember": true,
    });
    must("PATCH", &format!("{address}/trees"), &closed).await?;
    Ok(())
}

async fn restrict(address: &str) -> anyhow::Result<()> {
    let approval = json!({
        "trees": ["demo-beta"], "status": "approval required",
        "reason": "demo: release week", "tags": ["planned"],
    });
    must("PATCH", &format!("{address}/trees"), &approval).await?;
    Ok(())
}
