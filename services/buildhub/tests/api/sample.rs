// SPDX-License-Identifier: MPL-2.0
//! Records for tests, all different and the same in every run.

use std::path::Path;

use serde_json::{Value, json};

const PRODUCTS: [(&str, &str); 4] = [
    ("firefox", "nightly"),
    ("firefox", "release"),
    ("devedition", "aurora"),
    ("thunderbird", "beta"),
];
const PLATFORMS: [(&str, &str, &str); 3] = [
    ("linux-x86_64", "linux", "x86_64-pc-linux-gnu"),
    ("win64", "win", "x86_64-pc-mingw32"),
    ("macosx", "mac", "x86_64-apple-darwin"),
];

/// Returns record number `n`: every product on every platform, one a minute, from version 60 on.
pub fn record(n: usize) -> Value {
    let (product, channel) = PRODUCTS[n % PRODUCTS.len()];
    let (platform, os, triple) = PLATFORMS[(n / PRODUCTS.len()) % PLATFORMS.len()];
    let version = format!("{}.0", 60 + n / 12);
    let (hour, minute) = (n / 60 % 24, n % 60);
    let id = format!("20180510{hour:02}{minute:02}17");
    let date = format!("2018-05-10T{hour:02}:{minute:02}:17Z");
    json!({
        "build": {"id": id, "date": date, "host": "x86_64-pc-linux-gnu", "target": triple},
        "source": {
            "product": product, "tree": "demo-central", "revision": format!("{n:040x}"),
            "repository": "https://hg.example.com/demo-central",
        },
        "target": {
            "platform": platform, "os": os, "locale": "en-US", "version": version,
            "channel": channel,
        },
        "download": {
            "url": format!("https://archive.example.com/pub/{product}/{n}.tar.bz2"),
            "mimetype": "application/octet-stream",
            "size": 50_000_000 + n,
            "date": format!("2018-05-10T{hour:02}:{minute:02}:59.559213+00:00"),
        },
    })
}

/// Returns the first records.
pub fn records(count: usize) -> Vec<Value> {
    (0..count).map(record).collect()
}

/// Returns how many of the records are also filed under the channel beta.
pub fn beta_copies(records: &[Value]) -> usize {
    let is_release =
        |r: &&Value| r["source"]["product"] == "firefox" && r["target"]["channel"] == "release";
    records.iter().filter(is_release).count()
}

/// Writes a file below a folder, making folders as needed.
pub fn write(folder: &Path, key: &str, bytes: &[u8]) {
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
