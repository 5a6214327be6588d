// SPDX-License-Identifier: MPL-2.0
//! The two ways into a database and the change token, on SQLite and, when `TEST_DATABASE_URL` is
//! set, on PostgreSQL. Each test makes a table of its own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code may panic and print"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the test's switch comes from the environment"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use releng_common::{Error, Kind};
use releng_db::{Db, Failure, Fresh};

struct TestDb {
    db: Db,
    table: String,
    _folder: tempfile::TempDir,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl TestDb {
    async fn count(&self) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {}", self.table);
        self.db
            .read(move |c| Ok(diesel::sql_query(sql).get_result::<Count>(c)?.n))
            .await
            .unwrap()
    }

    fn insert(&self, n: i64) -> String {
        format!("INSERT INTO {} (n) VALUES ({n})", self.table)
    }
}

/// Returns a database per backend. `crates/db` cannot use the test kit: that depends on it.
async fn databases() -> Vec<TestDb> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let mut urls = vec![None];
    match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => urls.push(Some(url)),
        Err(_) => {
            assert!(
                !std::env::var("RELENG_TEST_REQUIRE").is_ok_and(|r| r.contains("postgres")),
                "postgres is required and TEST_DATABASE_URL is unset"
            );
            println!("postgres: not exercised (TEST_DATABASE_URL is unset)");
        }
    }
    let mut databases = Vec::new();
    for url in urls {
        let folder = tempfile::tempdir().unwrap();
        let url = url
            .unwrap_or_else(|| format!("sqlite://{}", folder.path().join("deep/t.db").display()));
        let db = Db::connect(&url, 4, Duration::from_secs(10)).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let table = format!("db_test_{}_{number}", std::process::id());
        let make = format!("CREATE TABLE {table} (n BIGINT PRIMARY KEY)");
        db.write(move |c| Ok(c.batch_execute(&make)?))
            .await
            .unwrap();
        databases.push(TestDb {
            db,
            table,
            _folder: folder,
        });
    }
    databases
}

#[tokio::test]
async fn a_transaction_commits_on_ok_and_rolls_back_on_error() {
    for t in databases().await {
        let sql = t.insert(1);
        let error =
            t.db.write(move |c| -> Result<(), Failure> {
                c.batch_execute(&sql)?;
                Err(Error::not_found("No such tree").into())
            })
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::NotFound, "No such tree")
        );
        assert_eq!(t.count().await, 0);
        let sql = t.insert(2);
        t.db.write(move |c| Ok(c.batch_execute(&sql)?))
            .await
            .unwrap();
        assert_eq!(t.count().await, 1);
    }
}

#[tokio::test]
async fn a_broken_query_is_internal_and_shows_nothing_to_the_client() {
    for t in databases().await {
        let error =
            t.db.read(|c| Ok(c.batch_execute("SELECT nonsense FROM nowhere")?))
                .await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert_eq!(error.message(), "a database query failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_take_turns_and_lose_nothing() {
    for t in databases().await {
        let writes = (0..40).map(|n| {
            let (db, sql) = (t.db.clone(), t.insert(n));
            tokio::spawn(async move { db.write(move |c| Ok(c.batch_execute(&sql)?)).await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap().unwrap();
        }
        assert_eq!(t.count().await, 40);
    }
}

#[tokio::test]
async fn the_token_changes_with_a_commit_and_only_then() {
    for t in databases().await {
        let before = t.db.changes().current().await.unwrap();
        if t.db.backend() == releng_db::Backend::Sqlite {
            // On a shared PostgreSQL other tests commit at any time.
            assert_eq!(t.db.changes().current().await.unwrap(), before);
        }
        let sql = t.insert(1);
        t.db.write(move |c| Ok(c.batch_execute(&sql)?))
            .await
            .unwrap();
        assert_ne!(t.db.changes().current().await.unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_value_is_never_older_than_the_last_answered_write() {
    for t in databases().await {
        let fresh = std::sync::Arc::new(Fresh::new(t.db.changes().clone(), 8));
        for n in 0..50 {
            let sql = t.insert(n);
            t.db.write(move |c| Ok(c.batch_execute(&sql)?))
                .await
                .unwrap();
            let (first, second) = tokio::join!(
                fresh.get("count", || async { Ok(t.count().await) }),
                fresh.get("count", || async { Ok(t.count().await) })
            );
            assert_eq!((*first.unwrap(), *second.unwrap()), (n + 1, n + 1));
        }
    }
}

#[tokio::test]
async fn an_unknown_scheme_lists_the_known_ones() {
    let error = Db::connect("mysql://x", 1, Duration::from_secs(1)).unwrap_err();
    assert_eq!(
        error.message(),
        "DATABASE_URL: must begin with sqlite://, postgres:// or postgresql://"
    );
}

#[tokio::test]
async fn a_postgres_that_is_down_is_unavailable_and_makes_no_file() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://postgres@127.0.0.1:{port}/x?connect_timeout=1");
    let db = Db::connect(&url, 1, Duration::from_secs(1)).unwrap();
    assert_eq!(db.check().await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(
        db.changes().current().await.unwrap_err().kind(),
        Kind::Unavailable
    );
}
