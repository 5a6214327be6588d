// SPDX-License-Identifier: MPL-2.0
//! The tables on both databases, and the table of the predecessor.
use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use releng_buildhub::Buildhub;
use releng_common::config::Source;
use releng_common::run::{Server, Service as _};
use releng_common::{Clock, Result};
use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::poll::{block_on, eventually};
use releng_testkit::temp;
use serde_json::Value;

use crate::PATIENCE;
use crate::sample::record;

fn settings(database: &str, data: &str) -> releng_buildhub::Settings {
    let source = Buildhub::INFO
        .source(Source::from_pairs::<String, String>([]))
        .set("PORT", "0")
        .set("DATA_DIR", data)
        .set("DATABASE_URL", database);
    Buildhub::settings(&source).unwrap()
}

fn migrate(database: &str) -> Result<()> {
    block_on(Buildhub::migrate(&settings(database, "/nowhere")))
}

#[test]
fn both_databases_have_the_same_columns() {
    for backend in backends() {
        let database = TestDatabase::create(backend, "columns", "", |url| Ok(migrate(url)?));
        let schema = releng_db::schema(database.url()).unwrap();
        let tables: Vec<(&str, String)> = schema
            .iter()
            .map(|(name, columns)| (name.as_str(), columns.join(" ")))
            .collect();
        let builds =
            "build build_hash created_at id indexed_at metadata s3_object_etag s3_object_key";
        let files = "inode modified_ns path problem size_bytes";
        assert_eq!(
            tables,
            [
                ("archive_file", files.to_owned()),
                ("main_build", builds.to_owned())
            ]
        );
    }
}

/// The table as the Django service made it.
const OLD_TABLE: &str = "CREATE TABLE main_build (id serial PRIMARY KEY, \
    build_hash varchar(45) NOT NULL UNIQUE, build jsonb NOT NULL, metadata jsonb NOT NULL, \
    created_at timestamptz NOT NULL, s3_object_key varchar(400), s3_object_etag varchar(400));";

#[actix_web::test]
async fn a_table_of_the_predecessor_is_opened_in_place_and_its_rows_are_found() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let database = TestDatabase::create(Backend::Postgres, "predecessor", "", |url| {
        let mut conn = diesel::PgConnection::establish(url)?;
        let row = record(0).to_string();
        conn.batch_execute(&format!(
            "{OLD_TABLE} INSERT INTO main_build \
             (build_hash, build, metadata, created_at) VALUES ('v1:x', '{row}', '{{}}', now());"
        ))?;
        Ok(migrate(url)?)
    });
    let data = temp::dir();
    let settings = settings(database.url(), &data.path().display().to_string());
    let server = Server::start::<Buildhub>(settings, Clock::system(), true)
        .await
        .unwrap();
    let address = format!("http://{}", server.address());
    crate::sample::write(
        &data.path().join("archive"),
        "buildhub.json",
        record(2).to_string().as_bytes(),
    );
    let found: Value = eventually(PATIENCE, || async {
        let response = reqwest::Client::new()
            .get(format!("{address}/api/search"))
            .send()
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        (body["hits"]["total"] == 2).then_some(body)
    })
    .await;
    let mut ids: Vec<&str> = found["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2"]);
    server.stop().await;
}
