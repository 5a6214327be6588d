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

mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_migrations::EmbeddedMigrations;
use releng_common::{Error, Kind};
use releng_db::{Db, Failure, Fresh, Migrations};

#[derive(Clone)]
struct TestDb {
    db: Db,
    url: String,
    table: String,
    _folder: Arc<tempfile::TempDir>,
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
            url,
            table,
            _folder: Arc::new(folder),
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
        let fresh = Arc::new(Fresh::new(t.db.changes().clone(), 8));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_change_is_seen_by_a_process_that_reads_all_the_time() {
    for t in databases().await {
        let reader = Db::connect(&t.url, 2, Duration::from_secs(30)).unwrap();
        let fresh = Arc::new(Fresh::new(reader.changes().clone(), 8));
        let done = Arc::new(AtomicBool::new(false));
        let reading = {
            let (fresh, t, done) = (Arc::clone(&fresh), t.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    fresh
                        .get("count", || async { Ok(t.count().await) })
                        .await
                        .unwrap();
                    tokio::task::yield_now().await;
                }
            })
        };
        let writer = Db::connect(&t.url, 2, Duration::from_secs(30))
            .unwrap()
            .settling();
        for n in 0..100 {
            let sql = t.insert(n);
            writer
                .write(move |c| Ok(c.batch_execute(&sql)?))
                .await
                .unwrap();
            let count = fresh.get("count", || async { Ok(t.count().await) }).await;
            assert_eq!(*count.unwrap(), n + 1);
        }
        done.store(true, Ordering::SeqCst);
        reading.await.unwrap();
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

#[tokio::test]
async fn a_database_in_memory_is_refused_because_each_connection_has_its_own() {
    for url in [
        "sqlite://",
        "sqlite:",
        "sqlite://:memory:",
        "sqlite::memory:",
    ] {
        let error = Db::connect(url, 1, Duration::from_secs(1)).unwrap_err();
        assert_eq!(
            error.message(),
            "DATABASE_URL: must name a file after sqlite://"
        );
    }
}

/// Returns the PostgreSQL database alone, if there is one.
async fn postgres() -> Option<TestDb> {
    databases()
        .await
        .into_iter()
        .find(|t| t.db.backend() == releng_db::Backend::Postgres)
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced_before_anybody_notices() {
    let Some(t) = postgres().await else { return };
    let own = "SELECT pg_backend_pid()::bigint AS n";
    let pid = |t: &TestDb| {
        let db = t.db.clone();
        async move {
            db.read(move |c| Ok(diesel::sql_query(own).get_result::<Count>(c)?.n))
                .await
                .unwrap()
        }
    };
    let first = pid(&t).await;
    let url = std::env::var("TEST_DATABASE_URL").unwrap();
    let other = Db::connect(&url, 1, Duration::from_secs(10)).unwrap();
    let end = format!("SELECT pg_terminate_backend({first}, 10000)");
    other
        .read(move |c| Ok(c.batch_execute(&end)?))
        .await
        .unwrap();
    assert_ne!(pid(&t).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_wait_for_a_lock_leave_connections_to_readers_and_end_as_unavailable() {
    let Some(t) = postgres().await else { return };
    let insert = t.insert(1);
    t.db.write(move |c| Ok(c.batch_execute(&insert)?))
        .await
        .unwrap();
    let url = std::env::var("TEST_DATABASE_URL").unwrap();
    let holder = Db::connect(&url, 3, Duration::from_secs(10)).unwrap();
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let parts = std::sync::Mutex::new(Some((locked, released)));
    let lock = format!("SELECT n FROM {} FOR UPDATE", t.table);
    let holding = tokio::spawn(async move {
        holder
            .write(move |c| {
                c.batch_execute(&lock)?;
                if let Some((locked, released)) = parts.lock().unwrap().take() {
                    locked.send(()).unwrap();
                    let _ = released.recv();
                }
                Ok(())
            })
            .await
    });
    is_locked.await.unwrap();
    // More writers than the pool has connections.
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let (db, update) = (t.db.clone(), format!("UPDATE {} SET n = n", t.table));
            tokio::spawn(async move { db.write(move |c| Ok(c.batch_execute(&update)?)).await })
        })
        .collect();
    assert_eq!(t.count().await, 1);
    for writer in writers {
        let error = writer.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
    }
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    let update = format!("UPDATE {} SET n = 2", t.table);
    t.db.write(move |c| Ok(c.batch_execute(&update)?))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_these_settings_is_not_waited_for() {
    let Some(_) = postgres().await else { return };
    let url = std::env::var("TEST_DATABASE_URL").unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let error = releng_db::migrate(&format!("{server}/no_such_database"), none()).await;
    assert_eq!(error.unwrap_err().kind(), Kind::InvalidInput);
    let error = releng_db::migrate("postgres://postgres@127.0.0.1:1/x", none()).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Unavailable);
}

fn none() -> Migrations {
    Migrations {
        sqlite: EmbeddedMigrations::new(&[]),
        postgres: EmbeddedMigrations::new(&[]),
    }
}
