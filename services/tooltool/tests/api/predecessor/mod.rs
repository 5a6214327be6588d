// SPDX-License-Identifier: MPL-2.0
//! A PostgreSQL database of the Python service is opened in place, works, and still serves the Python
//! service afterwards. Tables and rows are written down as that service made them, queries as its
//! object mapper sends them.

mod queries;

use std::process::Command;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use releng_db::Db;
use releng_testkit::database::{Backend, TestDatabase};
use releng_testkit::requirement::requires;
use releng_testkit::temp;
use serde_json::{Value, json};

use crate::{App, PATIENCE, digest, entry};
use releng_testkit::poll::eventually;

const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-central-1"];

/// Bytes of the file that the Python service stored, in `us-west-2`, for internal use.
const STORED: &[u8] = b"stored by the predecessor";
/// Bytes of a file that it announced, without an end.
const ANNOUNCED: &[u8] = b"announced to the predecessor";

/// What the Python service makes. `SIZE` is `INTEGER` before 2023 and `BIGINT` since.
const TABLES: &str = r#"
CREATE TYPE visibility AS ENUM ('public', 'internal');
CREATE TYPE region AS ENUM ('us-east-1', 'us-west-1', 'us-west-2');
CREATE TABLE releng_tooltool_files (
    id SERIAL NOT NULL, size SIZE NOT NULL, sha512 VARCHAR(128) NOT NULL,
    visibility visibility NOT NULL, PRIMARY KEY (id), UNIQUE (sha512));
CREATE TABLE releng_tooltool_batches (
    id SERIAL NOT NULL, uploaded TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    author TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_releng_tooltool_batches_uploaded ON releng_tooltool_batches (uploaded);
CREATE TABLE releng_tooltool_batch_files (
    file_id INTEGER NOT NULL, batch_id INTEGER NOT NULL, filename TEXT NOT NULL,
    PRIMARY KEY (file_id, batch_id),
    FOREIGN KEY(file_id) REFERENCES releng_tooltool_files (id),
    FOREIGN KEY(batch_id) REFERENCES releng_tooltool_batches (id));
CREATE TABLE releng_tooltool_file_instances (
    file_id INTEGER NOT NULL, region region NOT NULL, PRIMARY KEY (file_id, region),
    FOREIGN KEY(file_id) REFERENCES releng_tooltool_files (id));
CREATE TABLE releng_tooltool_pending_upload (
    file_id INTEGER NOT NULL, expires TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    region region NOT NULL, PRIMARY KEY (file_id),
    FOREIGN KEY(file_id) REFERENCES releng_tooltool_files (id));
CREATE INDEX ix_releng_tooltool_pending_upload_expires
    ON releng_tooltool_pending_upload (expires);
CREATE TABLE "{app.import_name}_alembic_version" (
    version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num));
CREATE TABLE relengapi_auth_tokens (
    id SERIAL NOT NULL, typ VARCHAR(4) NOT NULL, description TEXT NOT NULL, "user" TEXT,
    disabled BOOLEAN NOT NULL, _permissions TEXT NOT NULL, PRIMARY KEY (id));
"#;

/// Rows, with the digests of the two files for `STORED` and `ANNOUNCED`.
const ROWS: &str = r#"
INSERT INTO releng_tooltool_files (size, sha512, visibility) VALUES
    (25, 'STORED', 'internal'), (28, 'ANNOUNCED', 'public');
INSERT INTO releng_tooltool_batches (uploaded, author, message) VALUES
    ('2019-10-01 12:30:05.123456', 'demo/someone', 'an old batch');
INSERT INTO releng_tooltool_batch_files VALUES (1, 1, 'old.tar'), (2, 1, 'never.tar');
INSERT INTO releng_tooltool_file_instances VALUES (1, 'us-west-2');
INSERT INTO releng_tooltool_pending_upload VALUES (2, now() at time zone 'utc', 'us-east-1');
INSERT INTO "{app.import_name}_alembic_version" VALUES ('REVISION');
INSERT INTO relengapi_auth_tokens (typ, description, "user", disabled, _permissions) VALUES
    ('prm', 'a token', NULL, false, 'tooltool.upload.public,tooltool.download.internal');
"#;

/// A database of one age, migrated by the command that operators use.
async fn migrated(size: &str, revision: &str) -> (TestDatabase, Db) {
    let database = TestDatabase::empty(Backend::Postgres);
    let db = Db::connect(database.url(), 2, Duration::from_secs(20)).unwrap();
    let sql = format!("{TABLES}{ROWS}")
        .replace("SIZE", size)
        .replace("REVISION", revision)
        .replace("STORED", &digest(STORED))
        .replace("ANNOUNCED", &digest(ANNOUNCED));
    db.write(move |conn| Ok(conn.batch_execute(&sql)?))
        .await
        .unwrap();
    for _ in 0..2 {
        let folder = temp::dir();
        let output = Command::new(env!("CARGO_BIN_EXE_releng-tooltool"))
            .arg("migrate")
            .env_clear()
            .env("DATA_DIR", folder.path())
            .env("DATABASE_URL", database.url())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
    }
    (database, db)
}

async fn ages() -> Vec<(TestDatabase, Db)> {
    if requires("postgres").is_none() {
        return Vec::new();
    }
    vec![
        migrated("INTEGER", "8029026f4e23").await,
        migrated("BIGINT", "697dbab45f3f").await,
    ]
}

/// Starts the service on a database, with the stored object where the row says it is.
async fn app(database: &TestDatabase) -> Option<App> {
    let builder = App::builder(Backend::Postgres)
        .set("DATABASE_URL", database.url())
        .set("CHECK_PENDING_INTERVAL_SECONDS", "1")
        .set("REPLICATE_INTERVAL_SECONDS", "1");
    let app = App::in_buckets(builder, &REGIONS).await?;
    let key = releng_store::Key::parse(format!("sha512/{}", digest(STORED))).unwrap();
    let nothing = releng_store::Attributes::default();
    let put = app.buckets[1]
        .store()
        .put(&key, STORED.to_vec().into(), &nothing);
    put.await.unwrap();
    Some(app)
}

#[actix_web::test]
async fn everything_can_be_copied_into_a_new_database() {
    for (database, _) in ages().await {
        let folder = temp::dir();
        let target = format!("sqlite://{}/new.db", folder.path().display());
        let output = crate::copy_data::copy(database.url(), &target, &[]);
        let expected = "copied 2 files, 2 filenames, 1 batches, 1 instances, 1 pending uploads\n";
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            expected,
            "{output:?}"
        );
        let builder = App::builder(Backend::Sqlite).set("DATABASE_URL", target);
        let app = App::started(builder).await;
        let batch = app.anonymous().get("/upload/1").await.json();
        assert_eq!(batch["uploaded"], "2019-10-01T12:30:05.123456Z");
        assert_eq!(batch["files"]["old.tar"]["visibility"], "internal");
        assert_eq!(batch["files"]["never.tar"]["has_instances"], false);
        let file = app.file(&digest(STORED)).await;
        assert_eq!(
            (&file["instances"], &file["size"]),
            (&json!(["us-west-2"]), &json!(25))
        );
        assert_eq!(
            app.announce(json!({"new": entry(b"new")})).await.json()["result"]["id"],
            2
        );
    }
}

#[actix_web::test]
async fn everything_can_be_read() {
    for (database, _) in ages().await {
        let Some(app) = app(&database).await else {
            return;
        };
        let stored = json!({
            "algorithm": "sha512", "digest": digest(STORED), "has_instances": true, "size": 25,
            "visibility": "internal",
        });
        let announced = json!({
            "algorithm": "sha512", "digest": digest(ANNOUNCED), "has_instances": false,
            "size": 28, "visibility": "public",
        });
        let batch = json!({
            "id": 1, "uploaded": "2019-10-01T12:30:05.123456Z", "author": "demo/someone",
            "message": "an old batch", "files": {"old.tar": stored, "never.tar": announced},
        });
        let get = async |path: &str| app.anonymous().get(path).await.json();
        assert_eq!(get("/upload/1").await, batch);
        assert_eq!(get("/upload?q=old").await, json!({"result": [batch]}));
        assert_eq!(get("/file?q=old.tar").await, json!({"result": [stored]}));
        let prefix = &digest(ANNOUNCED)[..9];
        assert_eq!(
            get(&format!("/file?q={prefix}")).await,
            json!({"result": [announced]})
        );
        let download = format!("/sha512/{}", digest(STORED));
        assert_eq!(app.anonymous().get(&download).await.status, 403);
        assert_eq!(app.bytes(&app.engineer(), &digest(STORED)).await, STORED);
    }
}

#[actix_web::test]
async fn everything_can_be_written() {
    for (database, db) in ages().await {
        let Some(app) = app(&database).await else {
            return;
        };
        // The replicator brings the old file everywhere, regions included that the enum does not know.
        eventually(PATIENCE, || async {
            let all = app.file(&digest(STORED)).await["instances"]
                .as_array()
                .map(Vec::len);
            (all == Some(3)).then_some(())
        })
        .await;
        // The upload that the Python service left open is finished.
        app.send("never.tar", entry(ANNOUNCED), ANNOUNCED).await;
        app.complete(&digest(ANNOUNCED)).await;
        app.verified(&digest(ANNOUNCED)).await;
        let file = format!("/file/sha512/{}", digest(STORED));
        let set = json!([{"op": "set_visibility", "visibility": "public"}]);
        let patched = app.admin().json("PATCH", &file, &set).await;
        assert_eq!(
            (patched.status, &patched.json()["visibility"]),
            (200, &json!("public"))
        );
        let delete = json!([{"op": "delete_instances"}]);
        let patched = app.admin().json("PATCH", &file, &delete).await;
        assert_eq!(
            (patched.status, &patched.json()["instances"]),
            (200, &json!([]))
        );
        // A size beyond 32 bits, a name twice for one file.
        let mut large = entry(b"large");
        large["size"] = json!(1_u64 << 40);
        let batch = json!({"message": "new", "files": {"a": large, "b": large}});
        let path = "/upload?region=eu-central-1";
        let answer = app.engineer().json("POST", path, &batch).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.json()["result"]["id"].clone();
        assert_eq!(
            id,
            json!(3),
            "the sequence goes on: two batches of this test, one old"
        );
        let stored: Value = app.anonymous().get(&format!("/upload/{id}")).await.json();
        assert_eq!(stored["files"]["a"], stored["files"]["b"]);
        assert_eq!(stored["files"]["a"]["size"], json!(1_u64 << 40));
        queries::all_work(&db).await;
        queries::nothing_is_lost(&db).await;
    }
}
