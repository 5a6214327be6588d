// SPDX-License-Identifier: MPL-2.0
//! The index follows the table whatever happens to it (D-48, D-49).
use std::path::Path;

use releng_buildhub::Buildhub;
use releng_common::config::Source;
use releng_common::run::{Server, Service as _};
use releng_common::{Clock, Kind};
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use serde_json::Value;

use crate::sample::{record, records};
use crate::{App, PATIENCE, apps};

/// A server on the data of a stopped app.
struct Second(Server);

impl Second {
    async fn start(app: &App, with_workers: bool) -> Self {
        let settings = settings(app.0.data.path(), app.0.database.url());
        Self(
            Server::start::<Buildhub>(settings, Clock::system(), with_workers)
                .await
                .unwrap(),
        )
    }

    async fn found(&self, total: u64) {
        let url = format!("http://{}/api/search", self.0.address());
        eventually(PATIENCE, || async {
            (get(&url).await["hits"]["total"] == total).then_some(())
        })
        .await;
    }
}

async fn get(url: &str) -> Value {
    let response = reqwest::Client::new().get(url).send().await.unwrap();
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn settings(data: &Path, database: &str) -> releng_buildhub::Settings {
    let source = Buildhub::INFO
        .source(Source::from_pairs::<String, String>([]))
        .set("PORT", "0")
        .set("DATA_DIR", data.display().to_string())
        .set("DATABASE_URL", database)
        .set("WORKERS", "1");
    Buildhub::settings(&source).unwrap()
}

#[actix_web::test]
async fn an_index_that_was_deleted_or_damaged_is_built_anew_from_the_table() {
    for mut app in apps().await {
        app.with_records(&records(8)).await;
        app.0.stop().await;
        let index = app.0.data.path().join("buildhub-index");
        std::fs::remove_dir_all(&index).unwrap();
        // The files are not needed again: the rows are the truth.
        std::fs::remove_dir_all(app.archive()).unwrap();
        let second = Second::start(&app, true).await;
        second.found(10).await;
        second.0.stop().await;
        for entry in std::fs::read_dir(&index).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::write(path, b"damaged").unwrap();
            }
        }
        let third = Second::start(&app, true).await;
        third.found(10).await;
        third.0.stop().await;
    }
}

#[actix_web::test]
async fn an_index_of_another_database_is_not_believed() {
    for mut app in apps().await {
        app.with_records(&records(8)).await;
        app.0.stop().await;
        let other = TestAppBuilder::new(Backend::Sqlite)
            .start::<Buildhub>()
            .await;
        let mut other = App(other);
        other.with_records(&[record(0)]).await;
        other.0.stop().await;
        // The folder of eight records under a table of one.
        let index = |app: &App| app.0.data.path().join("buildhub-index");
        std::fs::remove_dir_all(index(&other)).unwrap();
        std::fs::rename(index(&app), index(&other)).unwrap();
        let second = Second::start(&other, true).await;
        second.found(1).await;
        second.0.stop().await;
    }
}

#[actix_web::test]
async fn rows_of_another_process_are_found_without_workers_of_our_own() {
    for backend in backends() {
        let app = App(TestAppBuilder::new(backend).without_workers().start().await);
        let settings = settings(&app.0.data.path().join("elsewhere"), app.0.database.url());
        let intake = releng_buildhub::Intake::open(settings, Clock::system()).unwrap();
        let file = app.0.data.path().join("any-name");
        std::fs::write(&file, record(0).to_string()).unwrap();
        let summary = releng_buildhub::ops::path_ingest(&intake, vec![file])
            .await
            .unwrap();
        assert_eq!(
            (summary.inserted, summary.known, summary.invalid),
            (1, 0, 0)
        );
        app.found(1).await;
    }
}

#[actix_web::test]
async fn one_process_at_a_time_has_the_index() {
    for app in apps().await {
        let settings = settings(app.0.data.path(), app.0.database.url());
        let error = Buildhub::open(settings, Clock::system())
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::Unavailable);
    }
}
