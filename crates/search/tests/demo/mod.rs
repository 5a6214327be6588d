// SPDX-License-Identifier: MPL-2.0
//! Demo builds: the same number always gives the same build, and the values repeat as they do in
//! real ones (few products, many build ids).

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use releng_search::Document;
use serde_json::{Value, json};

const LINES: &[(&str, &str, &str)] = &[
    ("firefox", "nightly", "0a1"),
    ("firefox", "beta", "0b"),
    ("firefox", "release", "0"),
    ("firefox", "esr", "0esr"),
    ("devedition", "aurora", "0b"),
    ("thunderbird", "nightly", "0a1"),
    ("demoapp", "release", "0"),
];

const MACHINES: &[(&str, &str, &str)] = &[
    ("linux-x86_64", "linux", "x86_64-pc-linux-gnu"),
    ("linux-i686", "linux", "i686-pc-linux-gnu"),
    ("win64", "win", "x86_64-pc-mingw32"),
    ("macosx", "mac", "x86_64-apple-darwin"),
];

/// Returns build number `id`.
pub fn build(id: i64) -> Document {
    let mut rng = StdRng::seed_from_u64(id.unsigned_abs());
    let (product, channel, kind) = *LINES.choose(&mut rng).unwrap();
    let (platform, os, triple) = *MACHINES.choose(&mut rng).unwrap();
    let locale = *["en-US", "en-US", "en-US", "de", "fr", "ja-JP-mac"]
        .choose(&mut rng)
        .unwrap();
    let start: DateTime<Utc> = DateTime::from_timestamp(1_488_844_800, 0).unwrap();
    let started = start + Duration::hours(12 * rng.random_range(0..2_000));
    let published = started + Duration::milliseconds(rng.random_range(3_600_000..20_000_000));
    let major = 52 + rng.random_range(0..20);
    let version = match kind {
        "0b" => format!("{major}.0b{}", rng.random_range(1..16)),
        other => format!("{major}.{other}"),
    };
    let build_id = started.format("%Y%m%d%H%M%S").to_string();
    let mut build = json!({
        "id": build_id,
        "date": started.to_rfc3339_opts(SecondsFormat::Secs, true),
        "number": rng.random_range(1..4),
        "target": triple,
        "host": triple,
        "as": "$(CC)",
        "cc": format!("/builds/worker/demo/{}/bin/clang -std=gnu99", ["gcc", "clang"][rng.random_range(0..2)]),
    });
    if rng.random_bool(0.1) {
        build = json!({});
    }
    Document::new(
        id,
        record(
            id,
            &build,
            rng.random_range(20_000_000..90_000_000),
            &Facts {
                product,
                channel,
                platform,
                os,
                locale,
                version,
                published: published.to_rfc3339_opts(SecondsFormat::Millis, true),
                revision: format!("{:040x}", rng.random_range(0..40_u128)),
            },
        ),
    )
}

struct Facts {
    product: &'static str,
    channel: &'static str,
    platform: &'static str,
    os: &'static str,
    locale: &'static str,
    version: String,
    published: String,
    revision: String,
}

fn record(id: i64, build: &Value, size: u64, facts: &Facts) -> Value {
    let Facts {
        product,
        channel,
        platform,
        os,
        locale,
        version,
        published,
        revision,
    } = facts;
    let mut record = json!({
        "id": id,
        "source": {
            "product": product,
            "repository": "https://hg.mozilla.org/demo-central",
            "tree": "demo-central",
            "revision": revision,
        },
        "target": {"platform": platform, "os": os, "locale": locale, "version": version, "channel": channel},
        "download": {
            "url": format!("https://archive.mozilla.org/pub/{product}/demo/{version}/{platform}/{locale}/{id}.bin"),
            "mimetype": "application/octet-stream",
            "size": size,
            "date": published,
        },
    });
    if build.as_object().is_some_and(|members| !members.is_empty()) {
        record["build"] = build.clone();
    }
    record
}
