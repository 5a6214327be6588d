// SPDX-License-Identifier: MPL-2.0
//! `copy-data` between databases, as an operator runs it, and the service on what it made.

use std::process::{Command, Output};

use diesel::connection::SimpleConnection as _;
use releng_db::Db;
use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::temp;
use serde_json::{Value, json};

use crate::{App, PATIENCE, digest, entry};

pub fn copy(from: &str, to: &str, more: &[&str]) -> Output {
    let folder = temp::dir();
    Command::new(env!("CARGO_BIN_EXE_releng-tooltool"))
        .args(["copy-data", "--from", from, "--to", to])
        .args(more)
        .env_clear()
        .env("DATA_DIR", folder.path())
        .output()
        .unwrap()
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    log.lines().last().unwrap_or_default().to_owned()
}

/// A service with files in every state.
async fn filled(backend: Backend) -> App {
    let app = App::start(backend).await;
    app.upload("public", entry(b"public"), b"public").await;
    let mut internal = entry(b"internal");
    internal["visibility"] = json!("internal");
    app.upload("ünter.tar", internal, b"internal").await;
    app.announce_one("announced", entry(b"announced"))
        .await
        .unwrap();
    let twice = json!({"a": entry(b"public"), "b": entry(b"public")});
    assert_eq!(app.announce(twice).await.status, 200);
    app
}

async fn seen(app: &App) -> [Value; 2] {
    let lists = ["/file?q=", "/upload?q="].map(async |path| app.anonymous().get(path).await.json());
    let [files, batches] = lists;
    [files.await, batches.await]
}

#[actix_web::test]
async fn everything_is_there_in_the_other_database_and_goes_on() {
    for from in backends() {
        for to in backends() {
            let mut old = filled(from).await;
            let (before, store) = (seen(&old).await, old.app.settings().own.store_url.clone());
            let url = old.app.settings().common.database_url.clone();
            old.app.stop().await;
            let target = TestDatabase::empty(to);
            let output = copy(&url, target.url(), &[]);
            assert!(output.status.success(), "{output:?}");
            let expected =
                "copied 3 files, 5 filenames, 4 batches, 2 instances, 1 pending uploads\n";
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "{from:?} {to:?}"
            );

            let builder = App::builder(to)
                .set("DATABASE_URL", target.url())
                .set("STORE_URL", store);
            let new = App::started(builder).await;
            assert_eq!(seen(&new).await, before, "{from:?} {to:?}");
            let bytes = new.bytes(&new.engineer(), &digest(b"internal")).await;
            assert_eq!(bytes, b"internal");
            // Ids go on, and what was pending can be ended.
            new.upload("announced", entry(b"announced"), b"announced")
                .await;
            new.upload("new", entry(b"new"), b"new").await;
            let ids: Vec<i64> = seen(&new).await[1]["result"]
                .as_array()
                .unwrap()
                .iter()
                .map(|batch| batch["id"].as_i64().unwrap())
                .collect();
            assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        }
    }
}

#[actix_web::test]
async fn regions_get_the_names_that_they_have_in_the_new_installation() {
    for backend in backends() {
        let mut old = filled(Backend::Sqlite).await;
        let url = old.app.settings().common.database_url.clone();
        old.app.stop().await;
        let target = TestDatabase::empty(backend);
        let output = copy(&url, target.url(), &["--region", "local=us-west-2"]);
        assert!(output.status.success(), "{output:?}");
        let builder = App::builder(backend).set("DATABASE_URL", target.url());
        let Some(new) = App::in_buckets(builder, &["us-west-2"]).await else {
            return;
        };
        let key = releng_store::Key::parse(format!("sha512/{}", digest(b"public"))).unwrap();
        let nothing = releng_store::Attributes::default();
        let store = new.buckets[0].store();
        store
            .put(&key, b"public".to_vec().into(), &nothing)
            .await
            .unwrap();
        let file = new.file(&digest(b"public")).await;
        assert_eq!(file["instances"], json!(["us-west-2"]));
        assert_eq!(
            new.bytes(&new.anonymous(), &digest(b"public")).await,
            b"public"
        );
    }
}

#[actix_web::test]
async fn two_regions_may_become_one() {
    for backend in backends() {
        let mut old = filled(Backend::Sqlite).await;
        let url = old.app.settings().common.database_url.clone();
        old.app.stop().await;
        let db = Db::connect(&url, 1, PATIENCE).unwrap();
        let other = "INSERT INTO releng_tooltool_file_instances \
                     SELECT file_id, 'other' FROM releng_tooltool_file_instances";
        let add = db.write(move |conn| Ok(conn.batch_execute(other)?));
        add.await.unwrap();
        let target = TestDatabase::empty(backend);
        let output = copy(
            &url,
            target.url(),
            &["--region=local=one", "--region=other=one"],
        );
        assert!(output.status.success(), "{output:?}");
        let builder = App::builder(backend).set("DATABASE_URL", target.url());
        let file = App::started(builder).await.file(&digest(b"public")).await;
        assert_eq!(file["instances"], json!(["one"]));
    }
}

#[actix_web::test]
async fn many_rows_are_copied_whole() {
    for backend in backends() {
        let mut old = App::start(Backend::Sqlite).await;
        for page in 0..3 {
            let name = |n| format!("{page}-{n}");
            let files: serde_json::Map<String, Value> = (0..900)
                .map(|n| (name(n), entry(name(n).as_bytes())))
                .collect();
            assert_eq!(old.announce(Value::Object(files)).await.status, 200);
        }
        let before = seen(&old).await;
        let url = old.app.settings().common.database_url.clone();
        old.app.stop().await;
        let target = TestDatabase::empty(backend);
        let output = copy(&url, target.url(), &[]);
        let expected = "copied 2700 files, 2700 filenames, 3 batches, 0 instances, \
                        2700 pending uploads\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let builder = App::builder(backend).set("DATABASE_URL", target.url());
        assert_eq!(seen(&App::started(builder).await).await, before);
    }
}

#[actix_web::test]
async fn what_cannot_be_copied_is_named_and_nothing_is_changed() {
    let mut old = filled(Backend::Sqlite).await;
    let url = old.app.settings().common.database_url.clone();
    old.app.stop().await;
    let folder = temp::dir();
    let new = format!("sqlite://{}/new.db", folder.path().display());
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    let empty = format!("sqlite://{}/empty.db", folder.path().display());
    for (from, to, expected) in [
        (
            "mysql://x",
            new.as_str(),
            "error: --from: must begin with sqlite://, postgres:// or postgresql://",
        ),
        (
            &url,
            "x",
            "error: --to: must begin with sqlite://, postgres:// or postgresql://",
        ),
        (
            "sqlite:///nowhere/x.db",
            &new,
            "error: --from: there is no file /nowhere/x.db",
        ),
        (
            &empty,
            &new,
            "error: --from: the database lacks tables of this version: run the command migrate",
        ),
        (
            &url,
            &url,
            "error: --to: there are files or batches in this database already",
        ),
    ] {
        assert!(
            failure(&copy(from, to, &[])).starts_with(expected),
            "{:?}",
            copy(from, to, &[])
        );
    }
    let output = copy(&url, &new, &["--region", "local"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("must be OLD=NEW"));
    assert!(copy(&url, &new, &[]).status.success());
    let again = failure(&copy(&url, &new, &[]));
    assert_eq!(
        again,
        "error: --to: there are files or batches in this database already"
    );
}
