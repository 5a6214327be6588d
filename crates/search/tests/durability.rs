// SPDX-License-Identifier: MPL-2.0
//! What survives a process, who owns the folder, and the index behind the async trait.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod demo;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use releng_common::pool::Pool;
use releng_common::{Clock, Kind};
use releng_search::embedded::Engine;
use releng_search::{
    Document, Embedded, EmbeddedSettings, Health, Limits, SearchError, SearchIndex,
};
use serde_json::{Value, json};

fn open(folder: &Path) -> Engine {
    Engine::open(EmbeddedSettings::new(folder), Clock::system()).unwrap()
}

fn documents(ids: std::ops::RangeInclusive<i64>) -> Vec<Document> {
    ids.map(demo::build).collect()
}

fn total(engine: &Engine) -> Value {
    engine.search(&json!({"size": 0})).unwrap()["hits"]["total"].clone()
}

#[test]
fn what_was_committed_is_there_after_a_restart_and_the_rest_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.rebuild_recorded().unwrap();
    engine.put(&documents(1..=20)).unwrap();
    assert_eq!(total(&engine), 0);
    assert_eq!(engine.contains(&[1, 2]).unwrap(), Vec::<i64>::new());
    engine.commit().unwrap();
    engine.put(&documents(21..=30)).unwrap();
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(
        engine.health(),
        Health {
            documents: 20,
            needs_rebuild: false
        }
    );
    assert_eq!(engine.highest_id().unwrap(), Some(20));
    assert_eq!(engine.contains(&[30, 5, 21, 20]).unwrap(), [5, 20]);
    engine.put(&documents(15..=30)).unwrap();
    engine.commit().unwrap();
    assert_eq!(total(&engine), 30);
}

/// Set for the process that is to be killed: the folder it owns.
const FOLDER: &str = "RELENG_SEARCH_KILLED_FOLDER";

/// The process that is killed: it holds a commit and documents beyond it, says so and lives on.
/// Without the variable there is nothing to do here.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what a test says to itself is no setting"
)]
fn the_killed_process() {
    if let Ok(folder) = std::env::var(FOLDER) {
        let engine = open(Path::new(&folder));
        engine.rebuild_recorded().unwrap();
        engine.put(&documents(1..=50)).unwrap();
        engine.commit().unwrap();
        engine.put(&documents(51..=80)).unwrap();
        println!("{READY}");
        std::thread::park_timeout(Duration::from_secs(60));
    }
}

const READY: &str = "the commit is written";

#[test]
fn a_folder_of_a_killed_process_opens_with_the_last_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["the_killed_process", "--exact", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // The test's own name may stand before it on the line.
    assert!(lines.any(|line| line.unwrap().ends_with(READY)));
    process.kill().unwrap();
    process.wait().unwrap();
    let survivor = open(folder.path());
    assert_eq!(
        survivor.health(),
        Health {
            documents: 50,
            needs_rebuild: false
        }
    );
    survivor.put(&documents(51..=80)).unwrap();
    survivor.commit().unwrap();
    assert_eq!(total(&survivor), 80);
}

#[test]
fn removed_and_cleared_documents_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.put(&documents(1..=10)).unwrap();
    engine.commit().unwrap();
    engine.remove(&[10, 3, 99]).unwrap();
    assert_eq!(total(&engine), 10);
    engine.commit().unwrap();
    assert_eq!(total(&engine), 8);
    assert_eq!(engine.highest_id().unwrap(), Some(9));
    assert_eq!(engine.contains(&[3, 4]).unwrap(), [4]);
    engine.clear().unwrap();
    assert_eq!(total(&engine), 0);
    assert_eq!(engine.highest_id().unwrap(), None);
    engine.put(&documents(3..=4)).unwrap();
    engine.commit().unwrap();
    assert_eq!(total(&engine), 2);
}

#[test]
fn a_document_of_the_same_id_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for version in ["1.0", "2.0", "3.0"] {
        engine
            .put(&[Document::new(
                7,
                json!({"id": 7, "target": {"version": version}}),
            )])
            .unwrap();
    }
    engine.commit().unwrap();
    let answer = engine.search(&json!({})).unwrap();
    assert_eq!(answer["hits"]["total"], 1);
    assert_eq!(
        answer["hits"]["hits"][0]["_source"],
        json!({"id": 7, "target": {"version": "3.0"}})
    );
}

#[test]
fn the_duty_to_rebuild_is_told_until_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(folder.path()).health().needs_rebuild);
    let engine = open(folder.path());
    assert!(engine.health().needs_rebuild);
    engine.rebuild_recorded().unwrap();
    assert!(!engine.health().needs_rebuild);
    drop(engine);
    assert!(!open(folder.path()).health().needs_rebuild);
}

fn damaged(damage: impl Fn(&Path)) -> Health {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.rebuild_recorded().unwrap();
    engine.put(&documents(1..=50)).unwrap();
    engine.commit().unwrap();
    drop(engine);
    damage(folder.path());
    let engine = open(folder.path());
    let health = engine.health();
    engine.put(&documents(1..=5)).unwrap();
    engine.commit().unwrap();
    assert_eq!(
        total(&engine),
        i64::try_from(health.documents).unwrap().max(5)
    );
    health
}

/// Changes a byte in the middle of the segment's file of a kind.
fn flip_a_byte(folder: &Path, extension: &str) {
    let path = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_or_foreign_folder_starts_empty_and_says_so() {
    let empty = Health {
        documents: 0,
        needs_rebuild: true,
    };
    for extension in ["idx", "pos", "term", "store", "fast", "fieldnorm"] {
        assert_eq!(
            damaged(|folder| flip_a_byte(folder, extension)),
            empty,
            "{extension}"
        );
    }
    assert_eq!(
        damaged(|folder| std::fs::write(folder.join("meta.json"), "{").unwrap()),
        empty
    );
    assert_eq!(
        damaged(|folder| std::fs::remove_file(folder.join("meta.json")).unwrap()),
        empty
    );
    assert_eq!(
        damaged(|folder| std::fs::write(folder.join("format"), "other 0\n").unwrap()),
        empty
    );
    assert_eq!(
        damaged(|_| {}),
        Health {
            documents: 50,
            needs_rebuild: false
        }
    );
}

#[test]
fn a_folder_has_one_owner_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = Engine::open(EmbeddedSettings::new(folder.path()), Clock::system())
        .err()
        .unwrap();
    assert_eq!(refused.kind(), Kind::Unavailable);
    drop(first);
    open(folder.path());
}

#[test]
fn a_search_beyond_its_bounds_is_refused_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = EmbeddedSettings::new(folder.path());
    settings.limits = Limits {
        max_buckets: 3,
        ..Limits::default()
    };
    let engine = Engine::open(settings, Clock::system()).unwrap();
    engine.put(&documents(1..=30)).unwrap();
    engine.commit().unwrap();
    let body = json!({"size": 0, "aggs": {"a": {"terms": {"field": "build.id"}}}});
    let error = engine.search(&body).unwrap_err();
    assert_eq!(
        error.body().unwrap()["error"]["root_cause"],
        json!([{"type": "too_many_buckets_exception", "reason": "an answer may have 3 buckets",
            "index_uuid": "embedded", "index": "buildhub2"}])
    );
}

#[test]
fn a_search_that_takes_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = EmbeddedSettings::new(folder.path());
    settings.limits = Limits {
        max_time: std::time::Duration::ZERO,
        ..Limits::default()
    };
    let engine = Engine::open(settings, Clock::system()).unwrap();
    engine.put(&documents(1..=3)).unwrap();
    engine.commit().unwrap();
    let body = json!({"size": 0, "aggs": {"a": {"terms": {"field": "build.id"}}}});
    assert_eq!(
        engine.search(&body).unwrap_err().body(),
        Some(json!({"error": "the search took longer than the limit of 0 ms"}))
    );
}

#[test]
fn searches_see_whole_commits_while_documents_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let searches = scope.spawn(|| {
            let mut last = 0;
            while !is_done.load(order) {
                let body = json!({"size": 1, "aggs": {"n": {"cardinality": {"field": "id"}}}});
                let answer = engine.search(&body).unwrap();
                let total = answer["hits"]["total"].as_i64().unwrap();
                assert_eq!(answer["aggregations"]["n"]["value"], total);
                assert!(total % 25 == 0 && total >= last, "{total} after {last}");
                last = total;
            }
        });
        let written = (1..=500).step_by(25).try_for_each(|first| {
            engine.put(&documents(first..=first + 24))?;
            engine.put(&documents(1..=5))?;
            engine.commit()
        });
        // Said before the result is looked at: the searches must end also when writing failed.
        is_done.store(true, order);
        written.unwrap();
        searches.join().unwrap();
    });
    assert_eq!(total(&engine), 500);
}

#[tokio::test]
async fn the_trait_answers_like_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let settings = EmbeddedSettings::new(folder.path());
    let embedded = Embedded::open(settings, Clock::system(), Pool::new(2, 8))
        .await
        .unwrap();
    let index: Box<dyn SearchIndex> = Box::new(embedded);
    assert_eq!(
        index.health().await.unwrap(),
        Health {
            documents: 0,
            needs_rebuild: true
        }
    );
    index.rebuild_recorded().await.unwrap();
    index.put(documents(1..=5)).await.unwrap();
    index.commit().await.unwrap();
    assert_eq!(index.contains(vec![4, 9]).await.unwrap(), [4]);
    assert_eq!(index.highest_id().await.unwrap(), Some(5));
    index.remove(vec![5]).await.unwrap();
    index.commit().await.unwrap();
    assert_eq!(
        index.search(&Value::Null).await.unwrap()["hits"]["total"],
        4
    );
    let refused = index
        .search(&json!({"query": {"X": {}}}))
        .await
        .unwrap_err();
    assert!(matches!(refused, SearchError::Structure(_)));
    index.clear().await.unwrap();
    assert_eq!(
        index.health().await.unwrap(),
        Health {
            documents: 0,
            needs_rebuild: false
        }
    );
}
