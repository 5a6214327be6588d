// SPDX-License-Identifier: MPL-2.0
//! The scenario files on the embedded index. Each names a request and what the answer must hold;
//! another implementation of the index runs the same files.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod demo;

use std::path::Path;

use chrono::DateTime;
use releng_common::Clock;
use releng_search::embedded::Engine;
use releng_search::{Document, EmbeddedSettings};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    request: Value,
    /// Ids of all hits in the order of the rows.
    ids: Option<Vec<i64>>,
    /// What the answer must hold, at least.
    answer: Option<Value>,
    /// What the body of the 400 must hold, at least.
    error: Option<Value>,
}

fn load<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios")
        .join(name);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An index with the documents of the scenarios, in several segments and with deleted ones between.
fn index(folder: &Path) -> Engine {
    let clock = Clock::frozen(
        DateTime::parse_from_rfc3339("2018-07-10T12:00:00Z")
            .unwrap()
            .to_utc(),
    );
    let engine = Engine::open(EmbeddedSettings::new(folder), clock).unwrap();
    let sources: Vec<Value> = load("documents.yaml");
    let documents: Vec<Document> = sources
        .iter()
        .map(|source| Document::new(source["id"].as_i64().unwrap(), source.clone()))
        .collect();
    for part in documents.chunks(3) {
        engine.put(part).unwrap();
        engine
            .put(&[demo::build(1_000 + part[0].id), demo::build(part[0].id)])
            .unwrap();
        engine.commit().unwrap();
        engine.put(&part[..1]).unwrap();
        engine.remove(&[1_000 + part[0].id]).unwrap();
        engine.commit().unwrap();
    }
    engine
}

/// Returns where `actual` lacks something of `expected`; lists must be as long.
fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().find_map(|(key, value)| {
                let path = format!("{path}/{key}");
                match actual.get(key) {
                    Some(found) => difference(value, found, &path),
                    None => Some(format!("{path} is missing")),
                }
            })
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            expected
                .iter()
                .zip(actual)
                .enumerate()
                .find_map(|(at, (expected, actual))| {
                    difference(expected, actual, &format!("{path}/{at}"))
                })
        }
        _ if expected == actual => None,
        _ => Some(format!("{path} is {actual}, not {expected}")),
    }
}

fn check(engine: &Engine, scenario: &Scenario) -> Option<String> {
    let outcome = engine.search(&scenario.request);
    if let Some(expected) = &scenario.error {
        return match outcome {
            Ok(answer) => Some(format!("answers {answer}")),
            Err(error) => match error.body() {
                Some(body) => difference(expected, &body, ""),
                None => Some(format!("fails by our own fault: {error:?}")),
            },
        };
    }
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => return Some(format!("fails: {error:?}")),
    };
    if let Some(expected) = &scenario.ids {
        let mut found: Vec<i64> = answer["hits"]["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["_id"].as_str().unwrap().parse().unwrap())
            .collect();
        found.sort_unstable();
        let is_page = scenario.request.get("from").is_some();
        if found != *expected || (!is_page && answer["hits"]["total"] != json!(expected.len())) {
            return Some(format!(
                "finds {found:?} of {}, not {expected:?}",
                answer["hits"]["total"]
            ));
        }
    }
    scenario
        .answer
        .as_ref()
        .and_then(|expected| difference(expected, &answer, ""))
}

fn run(file: &str) {
    let folder = tempfile::tempdir().unwrap();
    let engine = index(folder.path());
    let scenarios: Vec<Scenario> = load(file);
    let failures: Vec<String> = scenarios
        .iter()
        .filter_map(|scenario| {
            let has_expectation =
                scenario.ids.is_some() || scenario.answer.is_some() || scenario.error.is_some();
            assert!(has_expectation, "{} expects nothing", scenario.name);
            check(&engine, scenario).map(|failure| format!("{}: {failure}", scenario.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn clauses_find_what_they_say() {
    run("clauses.yaml");
}

#[test]
fn search_texts_find_what_they_say() {
    run("query_string.yaml");
}

#[test]
fn pages_are_ordered_and_show_what_was_asked_for() {
    run("pages.yaml");
}

#[test]
fn aggregations_count_what_they_say() {
    run("aggregations.yaml");
}

#[test]
fn a_hit_has_exactly_these_members() {
    let folder = tempfile::tempdir().unwrap();
    let engine = index(folder.path());
    let mut answer = engine
        .search(&json!({"query": {"term": {"id": 6}}}))
        .unwrap();
    assert!(answer["took"].take().is_u64());
    let source: Vec<Value> = load("documents.yaml");
    let score = answer["hits"]["max_score"].clone();
    assert!(score.as_f64().unwrap() > 0.0);
    assert_eq!(
        answer,
        json!({
            "took": null,
            "timed_out": false,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {
                "total": 1,
                "max_score": score,
                "hits": [
                    {"_index": "buildhub2", "_type": "doc", "_id": "6", "_score": score, "_source": source[5]},
                ],
            },
        })
    );
}
