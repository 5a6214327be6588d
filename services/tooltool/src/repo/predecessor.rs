// SPDX-License-Identifier: MPL-2.0
//! A database of the Python service is opened in place, as of before 2023: two enums, sizes of 32
//! bits, one name per file and batch.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use releng_db::Db;
use releng_testkit::database::TestDatabase;
use releng_testkit::requirement::requires;

use super::Span;
use crate::domain::{Filename, NewFile, Pending, Sha512, Visibility};

const OLD: &str = "
    CREATE TYPE visibility AS ENUM ('public', 'internal');
    CREATE TYPE region AS ENUM ('us-east-1', 'us-west-1', 'us-west-2');
    CREATE TABLE releng_tooltool_files (
        id SERIAL NOT NULL PRIMARY KEY, size INTEGER NOT NULL,
        sha512 VARCHAR(128) NOT NULL UNIQUE, visibility visibility NOT NULL);
    CREATE TABLE releng_tooltool_batches (
        id SERIAL NOT NULL PRIMARY KEY, uploaded TIMESTAMP WITHOUT TIME ZONE NOT NULL,
        author TEXT NOT NULL, message TEXT NOT NULL);
    CREATE INDEX ix_releng_tooltool_batches_uploaded ON releng_tooltool_batches (uploaded);
    CREATE TABLE releng_tooltool_batch_files (
        file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
        batch_id INTEGER NOT NULL REFERENCES releng_tooltool_batches (id),
        filename TEXT NOT NULL, PRIMARY KEY (file_id, batch_id));
    CREATE TABLE releng_tooltool_file_instances (
        file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
        region region NOT NULL, PRIMARY KEY (file_id, region));
    CREATE TABLE releng_tooltool_pending_upload (
        file_id INTEGER NOT NULL PRIMARY KEY REFERENCES releng_tooltool_files (id),
        expires TIMESTAMP WITHOUT TIME ZONE NOT NULL, region region NOT NULL);
    CREATE INDEX ix_releng_tooltool_pending_upload_expires
        ON releng_tooltool_pending_upload (expires);
    INSERT INTO releng_tooltool_files (size, sha512, visibility)
        VALUES (5, repeat('a', 128), 'internal');
    INSERT INTO releng_tooltool_batches (uploaded, author, message)
        VALUES ('2019-10-01 12:30:05.123456', 'demo/someone', 'old');
    INSERT INTO releng_tooltool_batch_files VALUES (1, 1, 'old.tar');
    INSERT INTO releng_tooltool_file_instances VALUES (1, 'us-west-2');
    INSERT INTO releng_tooltool_pending_upload VALUES (1, '2019-10-01 12:31:05', 'us-east-1');
";

fn new(name: &str, digit: &str) -> NewFile {
    NewFile {
        filename: Filename::parse(name).unwrap(),
        digest: Sha512::parse(&digit.repeat(128)).unwrap(),
        size: 3_000_000_000,
        visibility: Visibility::Public,
    }
}

#[tokio::test]
async fn a_database_of_the_python_service_is_read_and_written() {
    if requires("postgres").is_none() {
        return;
    }
    let database = TestDatabase::empty(releng_testkit::database::Backend::Postgres);
    let db = Db::connect(database.url(), 2, Duration::from_secs(20)).unwrap();
    db.write(|conn| Ok(conn.batch_execute(OLD)?)).await.unwrap();
    releng_db::migrate(database.url(), super::migrations())
        .await
        .unwrap();
    releng_db::migrate(database.url(), super::migrations())
        .await
        .unwrap();
    db.write(|conn| {
        let old = super::file_fetch(conn, &new("a", "a").digest)?.unwrap();
        assert_eq!((old.size, old.visibility), (5, Visibility::Internal));
        assert_eq!(old.instances, ["us-west-2"]);
        let pending = super::pending_fetch(conn, old.id)?.unwrap();
        assert_eq!(pending.region, "us-east-1");

        // A region and a size that the old columns did not take, and one file twice in a batch.
        let file = new("b", "b");
        super::file_ensure_in_txn(conn, &file)?;
        let known = super::file_lock_in_txn(conn, &file.digest)?.unwrap();
        let elsewhere = Pending {
            file_id: known.id,
            region: "eu-central-1".to_owned(),
            ..pending
        };
        super::pending_upsert_in_txn(conn, &elsewhere)?;
        super::instance_insert_in_txn(conn, known.id, "eu-central-1")?;
        let batch = super::batch_insert_in_txn(conn, elsewhere.expires, "demo/new", "new")?;
        super::batch_file_insert_in_txn(conn, batch, known.id, "one")?;
        super::batch_file_insert_in_txn(conn, batch, known.id, "two")?;

        let batches = super::batch_search(
            conn,
            "",
            Span {
                limit: 10,
                offset: 0,
            },
        )?;
        let names = |n: usize| -> Vec<&str> {
            batches[n]
                .files
                .iter()
                .map(|f| f.filename.as_str())
                .collect()
        };
        assert_eq!((names(0), names(1)), (vec!["one", "two"], vec!["old.tar"]));
        assert_eq!(batches[0].files[0].file.size, 3_000_000_000);
        assert_eq!(
            batches[1].uploaded.to_string(),
            "2019-10-01 12:30:05.123456"
        );
        Ok(())
    })
    .await
    .unwrap();
}
