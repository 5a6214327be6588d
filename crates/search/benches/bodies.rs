// SPDX-License-Identifier: MPL-2.0
//! Bodies of real clients on 50,000 demo builds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

#[path = "../tests/demo/mod.rs"]
mod demo;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use releng_common::Clock;
use releng_search::embedded::Engine;
use releng_search::{Document, EmbeddedSettings};
use serde_json::{Value, json};

const BUILDS: i64 = 50_000;

fn bodies() -> Vec<(&'static str, Value)> {
    let firefox = json!({"bool": {"filter": [
        {"term": {"source.product": "firefox"}}, {"term": {"target.channel": "nightly"}},
        {"term": {"target.locale": "en-US"}}, {"terms": {"target.platform": ["win64", "macosx"]}},
    ]}});
    vec![
        (
            "lookup",
            json!({"size": 1, "query": {"term": {"build.id": "20180510000000"}}}),
        ),
        (
            "newest",
            json!({"size": 1, "query": firefox, "sort": [{"build.id": {"order": "desc"}}]}),
        ),
        (
            "triage",
            json!({"size": 1, "post_filter": firefox, "sort": [{"download.date": "asc"}]}),
        ),
        (
            "versions",
            json!({"size": 0, "aggs": {"myaggs": {"filter": firefox, "aggs": {"target.version": {"terms": {
                "field": "target.version", "size": 1000, "order": {"_term": "desc"}, "include": ".*"}}}}}}),
        ),
        (
            "ids",
            json!({"size": 0, "aggs": {"ids": {"terms": {"field": "build.id", "size": 1000,
                "order": {"_term": "desc"}, "include": "201[78].*"}}}}),
        ),
        (
            "crash-tool",
            json!({"size": 0, "query": {"range": {"build.id": {"gte": "2018"}}}, "aggs": {"p": {
                "terms": {"field": "source.product", "size": 3}, "aggs": {"c": {
                    "terms": {"field": "target.channel", "size": 1}, "aggs": {"b": {
                        "terms": {"field": "build.id", "size": 1000}, "aggs": {
                            "r": {"terms": {"field": "source.revision", "size": 1}},
                            "v": {"terms": {"field": "target.version", "size": 1}}}}}}}}}}),
        ),
    ]
}

fn run(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the index");
    let engine =
        Engine::open(EmbeddedSettings::new(folder.path()), Clock::system()).expect("an index");
    let documents: Vec<Document> = (1..=BUILDS).map(demo::build).collect();
    for part in documents.chunks(5_000) {
        engine.put(part).expect("documents");
    }
    engine.commit().expect("a commit");
    let mut group = criterion.benchmark_group("bodies");
    for (name, body) in bodies() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| engine.search(black_box(&body)).expect("an answer"));
        });
    }
    group.finish();
}

criterion_group!(benches, run);
criterion_main!(benches);
