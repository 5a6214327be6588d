// SPDX-License-Identifier: MPL-2.0
//! Demo builds, dropped into the watched folder as a release process would.

use std::path::Path;

use serde_json::json;

/// Drops a few records of a product that does not exist.
pub fn load(data: &Path) -> anyhow::Result<()> {
    let platforms = ["linux-x86_64", "win64", "macosx64"];
    for (day, version) in ["1.0a1", "1.0b1", "1.0"].into_iter().enumerate() {
        let channel = ["nightly", "beta", "release"]
            .get(day)
            .copied()
            .unwrap_or("nightly");
        for platform in platforms {
            let id = format!("2026010{}120000", day + 1);
            let date = format!("2026-01-0{}T12:00:00Z", day + 1);
            let name = format!("demo-{version}.en-US.{platform}");
            let record = json!({
                "build": {"id": id, "date": date, "number": 1},
                "source": {
                    "product": "demo-browser", "tree": "demo-central",
                    "repository": "https://hg.example.org/demo-central",
                    "revision": "0123456789abcdef0123456789abcdef01234567",
                },
                "target": {
                    "platform": platform, "locale": "en-US", "version": version,
                    "channel": channel,
                },
                "download": {
                    "url": format!("https://archive.example.org/pub/demo/{name}.tar.xz"),
                    "mimetype": "application/x-xz", "size": 1_048_576, "date": date,
                },
            });
            drop_file(&data.join("archive/demo").join(&name), &record.to_string())?;
        }
    }
    Ok(())
}

/// Writes beside and renames, so that the watcher never sees half a file.
fn drop_file(folder: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let part = folder.join("buildhub.part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, folder.join("buildhub.json"))?;
    Ok(())
}
