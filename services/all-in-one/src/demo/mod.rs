// SPDX-License-Identifier: MPL-2.0
//! Demo data, once, on first start, through the public operations of the services (D-56).

mod buildhub;
mod http;
mod tecken;
mod tooltool;
mod treestatus;

use std::path::PathBuf;

use releng_common::config::Source;

use crate::home::Entry;

/// Says in the data folder that the demo data is in.
const MARK: &str = ".demo-data-is-in";

/// Loads what is not there yet. A start that was cut off half way is repeated: every step may run
/// twice.
pub async fn load(data: PathBuf, entries: Vec<Entry>, tecken_source: Source) {
    let mark = data.join(MARK);
    if mark.exists() {
        return;
    }
    let address = |name: &str| {
        entries
            .iter()
            .find(|e| e.name == name)
            .map(|e| e.address.clone())
            .unwrap_or_default()
    };
    let steps = [
        ("treestatus", treestatus::load(&address("treestatus")).await),
        ("tooltool", tooltool::load(&address("tooltool")).await),
        (
            "tecken",
            tecken::load(tecken_source, &address("tecken")).await,
        ),
        ("buildhub", buildhub::load(&data)),
    ];
    let mut is_complete = true;
    for (name, result) in steps {
        if let Err(error) = result {
            tracing::warn!(service = name, "demo data is missing: {error:#}");
            is_complete = false;
        }
    }
    if is_complete && let Err(error) = std::fs::write(&mark, b"") {
        tracing::warn!("the mark of the demo data cannot be written: {error}");
    }
    if let Err(error) = tooltool::complete(&address("tooltool")).await {
        tracing::warn!("the demo files were not announced as complete: {error:#}");
    }
}
