// SPDX-License-Identifier: MPL-2.0
//! The counters and timers of symbolication, under the names that dashboards know
//! (symbolication.md §7). A process of its own, because metrics are those of a process.

use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::json;

use crate::support::{put, request, store_at, symbols};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

struct Metrics(String);

impl Metrics {
    async fn of(process: &Process) -> Self {
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
    fn value(&self, series: &str) -> f64 {
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
