// SPDX-License-Identifier: MPL-2.0
//! The counters and timers of symbolication, under the names that dashboards know
//! (symbolication.md §7). A process of its own, because metrics are those of a process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use releng_common::Clock;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};
use releng_testkit::temp;
use serde_json::json;

use crate::App;
use crate::support::{put, request, store_at, symbols};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

/// What a process counted so far.
pub struct Metrics(String);

impl Metrics {
    pub async fn of(process: &Process) -> Self {
        let url = format!("{}/__metrics__", process.address());
        Self(
            client()
                .get(url)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
        )
    }

    /// The value of a series; 0 when there is none.
    pub fn value(&self, series: &str) -> f64 {
        let line = self.0.lines().find(|line| {
            let rest = line.strip_prefix(series);
            rest.is_some_and(|rest| rest.starts_with(' '))
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_default()
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[actix_web::test]
async fn each_request_counts_under_the_known_names() {
    let folder = temp::dir();
    let ours = format!("file://{}/ours", folder.path().display());
    put(
        &store_at(&ours).await,
        "demo.pdb",
        &symbols("demo.pdb", "demo_one"),
    )
    .await;
    let settings = [
        ("SYMBOL_URLS", ours.as_str()),
        ("UPLOAD_DEFAULT_URL", &ours),
    ];
    let process = Process::serve(BINARY, folder.path(), &settings);
    let post = async |path: &str, body: &str| {
        let request = client().post(format!("{}{path}", process.address()));
        let answer = request.body(body.to_owned()).send().await.unwrap();
        answer.status().as_u16()
    };

    let job = request(&["demo.pdb", "none.pdb"], &[0x1004]);
    let two_jobs = json!({"jobs": [job, job]}).to_string();
    assert_eq!(post("/symbolicate/v5", &two_jobs).await, 200);
    assert_eq!(post("/symbolicate/v5", &job.to_string()).await, 200);
    let mut older = job.clone();
    older["version"] = json!(4);
    assert_eq!(post("/symbolicate/v4", &older.to_string()).await, 200);
    assert_eq!(post("/", &older.to_string()).await, 200);
    // The content is looked at after these are counted, what is no request before.
    let bad_content = json!({"memoryMap": [5], "stacks": []}).to_string();
    assert_eq!(post("/symbolicate/v5", &bad_content).await, 400);
    assert_eq!(post("/symbolicate/v5", "no JSON").await, 400);

    let metrics = Metrics::of(&process).await;
    for (series, expected) in [
        ("tecken_symbolicate_symbolication{version=\"v5\"}", 3.0),
        ("tecken_symbolicate_symbolication{version=\"v4\"}", 2.0),
        ("tecken_symbolicate_symbolication_jobs{version=\"v5\"}", 4.0),
        // Those that are refused as well.
        ("tecken_symbolicate_json_count{version=\"v5\"}", 4.0),
        ("tecken_symbolicate_json_count{version=\"v4\"}", 2.0),
        ("tecken_symbolicate_get_symbol_maps_count", 4.0),
        ("tecken_symbolicate_symbol_key{cache=\"miss\"}", 2.0),
        ("tecken_symbolicate_symbol_key{cache=\"hit\"}", 6.0),
        ("tecken_symbolicate_load_symbol_count", 1.0),
        ("tecken_symbolicate_store_hashmap_count", 1.0),
        ("tecken_symbolicate_download_fail", 1.0),
    ] {
        let found = metrics.value(series);
        assert!(
            (found - expected).abs() < 0.5,
            "{series}: {found}\n{}",
            metrics.0
        );
    }
    for series in [
        "tecken_symboldownloader_download_bytes{encoding=\"gzip\"}",
        "tecken_symboldownloader_get_object_count",
        "tecken_symboldownloader_get_object_read_count",
    ] {
        assert!(metrics.value(series) > 0.0, "{series}\n{}", metrics.0);
    }
}

/// The timers that came in, by key with tags, in milliseconds.
fn timers(server: &UdpSocket, so_far: &mut HashMap<String, Vec<u64>>) {
    let mut buffer = [0; 65536];
    while let Ok(length) = server.recv(&mut buffer) {
        for line in std::str::from_utf8(&buffer[..length]).unwrap().lines() {
            let (key, rest) = line.split_once(':').unwrap();
            let mut parts = rest.split('|');
            let (value, kind, tags) = (parts.next(), parts.next(), parts.next());
            if kind == Some("ms") {
                let key = format!("{key}{}", tags.unwrap_or_default());
                let value = value.unwrap().parse().unwrap();
                so_far.entry(key).or_default().push(value);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_are_milliseconds_under_the_known_names() {
    let Some(server) = requires("s3") else {
        return;
    };
    let Some(bucket) = S3Bucket::create().await else {
        return;
    };
    let proxy = StoreProxy::start(&server);
    let url = bucket.url_behind(&proxy.url());
    put(bucket.store(), "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    statsd
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let port = statsd.local_addr().unwrap().port().to_string();
    let folder = temp::dir();
    let settings = [
        ("SYMBOL_URLS", url.as_str()),
        ("UPLOAD_DEFAULT_URL", &url),
        ("STATSD_HOST", "127.0.0.1"),
        ("STATSD_PORT", &port),
    ];
    let process = Process::serve(BINARY, folder.path(), &settings);
    // The question for an index takes 300 ms, and a byte of the symbol file 5 ms.
    proxy.spoil(
        "GET",
        ".symx1",
        Fault::Slow(Duration::from_millis(300)),
        None,
    );
    proxy.spoil(
        "GET",
        "demo.sym?",
        Fault::Dribble(Duration::from_millis(5)),
        None,
    );
    let started = Instant::now();
    let mut job = request(&["demo.pdb"], &[0x1004]);
    job["version"] = json!(4);
    for path in ["/symbolicate/v5", "/symbolicate/v4"] {
        let request = client().post(format!("{}{path}", process.address()));
        let answer = request.body(job.to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
    let longest = u64::try_from(started.elapsed().as_millis()).unwrap() + 1;

    let expected = [
        ("tecken.symbolicate_json#version:v5", 600),
        ("tecken.symbolicate_json#version:v4", 0),
        ("tecken.symbolicate_get_symbol_maps", 600),
        ("tecken.symboldownloader_get_object", 300),
        ("tecken.symboldownloader_get_object_read", 300),
        ("tecken.symbolicate_load_symbol", 300),
        ("tecken.symbolicate_store_hashmap", 0),
    ];
    let found = RefCell::new(HashMap::new());
    let all_came = || async {
        let mut found = found.borrow_mut();
        timers(&statsd, &mut found);
        let is_there = |(key, _): &(&str, u64)| found.contains_key(*key);
        expected.iter().all(is_there).then_some(())
    };
    eventually(Duration::from_secs(30), all_came).await;
    let found = found.into_inner();
    for (key, least) in expected {
        let times = &found[key];
        let most = times.iter().max().unwrap();
        assert!((least..=longest).contains(most), "{key}: {times:?}");
    }
}

/// The statistics of all processes are made from these.
#[actix_web::test]
async fn requests_are_counted_for_each_day_and_version() {
    let Some(redis) = requires("redis") else {
        return;
    };
    // A day of its own: other tests use the same server.
    let clock = Clock::frozen("2031-07-09T23:59:59Z".parse().unwrap());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("REDIS_URL", &redis)
        .with_clock(clock.clone())
        .start()
        .await);
    let mut job = request(&["none.pdb"], &[0x1004]);
    job["version"] = json!(4);
    let twice = json!({"jobs": [job, job]});
    for (path, body) in [
        ("/symbolicate/v5", &twice),
        ("/symbolicate/v5", &job),
        ("/symbolicate/v4", &job),
        ("/", &job),
        ("/", &job),
    ] {
        let answer = app.anonymous().json("POST", path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    clock.advance(chrono::Duration::seconds(1));
    app.anonymous().json("POST", "/symbolicate/v5", &job).await;
    let options = releng_cache::Options {
        prefix: "tecken:".to_owned(),
        ..releng_cache::Options::default()
    };
    let cache = releng_cache::open(&redis, &options).unwrap();
    for (day, count) in [
        ("v5:20310709", "2"),
        ("v4:20310709", "3"),
        ("v5:20310710", "1"),
    ] {
        let name = format!("symbolicationcount:{day}");
        // No answer waits for its count.
        let is_counted = || async {
            let counted = cache.get(&name).await.unwrap()?;
            (counted.as_ref() == count.as_bytes()).then_some(())
        };
        eventually(Duration::from_secs(30), is_counted).await;
    }
}
