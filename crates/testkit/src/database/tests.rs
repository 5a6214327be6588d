// SPDX-License-Identifier: MPL-2.0
//! What a test may expect of its database, on each backend.

use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::*;

/// Runs statements in the database at a URL, on a connection that is closed afterwards.
fn run(url: &str, statements: &str) -> anyhow::Result<()> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        SqliteConnection::establish(path)?.batch_execute(statements)?;
    } else {
        PgConnection::establish(url)?.batch_execute(statements)?;
    }
    Ok(())
}

fn make(url: &str) -> anyhow::Result<()> {
    run(
        url,
        "CREATE TABLE trees (name TEXT PRIMARY KEY); INSERT INTO trees VALUES ('demo')",
    )
}

#[test]
fn each_test_has_the_tables_and_nothing_of_the_others() {
    for backend in backends() {
        let template = Template::new("isolation", "1", make);
        let (first, second) = (template.create(backend), template.create(backend));
        assert_ne!(first.url(), second.url());
        assert_eq!((first.backend(), second.backend()), (backend, backend));
        run(first.url(), "INSERT INTO trees VALUES ('only here')").unwrap();
        run(second.url(), "INSERT INTO trees VALUES ('only here')").unwrap();
        let third = template.create(backend);
        run(third.url(), "INSERT INTO trees VALUES ('only here')").unwrap();
        assert!(
            run(third.url(), "INSERT INTO trees VALUES ('demo')").is_err(),
            "{backend:?}"
        );
    }
}

#[test]
fn migrations_run_once_per_fingerprint() {
    for backend in backends() {
        let runs = AtomicUsize::new(0);
        let counted = |url: &str| {
            runs.fetch_add(1, Ordering::SeqCst);
            make(url)
        };
        let databases: Vec<_> = (0..3)
            .map(|_| TestDatabase::create(backend, "runs", "1", counted))
            .collect();
        assert_eq!(runs.load(Ordering::SeqCst), 1, "{backend:?}");
        let changed = TestDatabase::create(backend, "runs", "2", counted);
        let renamed = TestDatabase::create(backend, "other", "1", counted);
        assert_eq!(runs.load(Ordering::SeqCst), 3, "{backend:?}");
        drop((databases, changed, renamed));
    }
}

#[test]
fn threads_may_make_databases_at_once() {
    for backend in backends() {
        let template = Template::new("threads", "1", make);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let database = template.create(backend);
                    run(database.url(), "INSERT INTO trees VALUES ('x')").unwrap();
                });
            }
        });
    }
}

#[tokio::test]
async fn tables_may_be_made_by_a_future_even_inside_an_event_loop() {
    for backend in backends() {
        let template = Template::new("future", "1", |url: &str| {
            crate::poll::block_on(async {
                tokio::task::yield_now().await;
                make(url)
            })
        });
        run(
            template.create(backend).url(),
            "INSERT INTO trees VALUES ('x')",
        )
        .unwrap();
    }
}

#[test]
fn connections_that_stay_open_do_not_hinder_copies() {
    for backend in backends() {
        let template = Template::new("open", "1", |url: &str| {
            make(url)?;
            if url.starts_with("postgres") {
                std::mem::forget(PgConnection::establish(url)?);
            }
            Ok(())
        });
        run(
            template.create(backend).url(),
            "INSERT INTO trees VALUES ('x')",
        )
        .unwrap();
    }
}

#[test]
fn a_dropped_database_is_gone() {
    for backend in backends() {
        let database = TestDatabase::empty(backend);
        let url = database.url().to_owned();
        run(&url, "CREATE TABLE t (a TEXT)").unwrap();
        drop(database);
        assert!(run(&url, "SELECT 1").is_err(), "{backend:?}");
    }
}

#[test]
fn a_pattern_that_failed_is_made_anew() {
    for backend in backends() {
        let attempts = AtomicUsize::new(0);
        let flaky = |url: &str| {
            make(url)?;
            let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
            if first {
                Err(anyhow::anyhow!("first attempt"))
            } else {
                Ok(())
            }
        };
        let template = Template::new("flaky", "1", flaky);
        let failed =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| template.create(backend)));
        let message = *failed.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(
            message,
            format!("no {backend:?} database for a test: making the tables: first attempt")
        );
        run(
            template.create(backend).url(),
            "INSERT INTO trees VALUES ('x')",
        )
        .unwrap();
    }
}

#[test]
fn a_write_ahead_log_that_is_still_there_is_copied_too() {
    let template = Template::new("log", "1", |url: &str| {
        let path = url.strip_prefix("sqlite://").unwrap();
        let mut connection = SqliteConnection::establish(path)?;
        connection.batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a TEXT UNIQUE)")?;
        connection.batch_execute("INSERT INTO t VALUES ('logged')")?;
        // A connection that is never closed leaves the log behind.
        std::mem::forget(connection);
        Ok(())
    });
    let database = template.create(Backend::Sqlite);
    run(database.url(), "INSERT INTO t VALUES ('new')").unwrap();
    assert!(run(database.url(), "INSERT INTO t VALUES ('logged')").is_err());
}

#[test]
fn the_fingerprint_of_a_folder_follows_names_and_contents() {
    let folder = crate::temp::dir();
    let migration = folder.path().join("2026-01-10-000000_init");
    std::fs::create_dir(&migration).unwrap();
    std::fs::write(migration.join("up.sql"), "CREATE TABLE a (b TEXT)").unwrap();
    let first = fingerprint(folder.path()).unwrap();
    assert_eq!(fingerprint(folder.path()).unwrap(), first);
    std::fs::write(migration.join("up.sql"), "CREATE TABLE a (c TEXT)").unwrap();
    let changed = fingerprint(folder.path()).unwrap();
    std::fs::rename(migration.join("up.sql"), migration.join("down.sql")).unwrap();
    let renamed = fingerprint(folder.path()).unwrap();
    assert!(first != changed && changed != renamed && first != renamed);
}
