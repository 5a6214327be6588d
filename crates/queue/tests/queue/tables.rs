// SPDX-License-Identifier: MPL-2.0
//! The table: the same on both databases, besides the tables of a service, and strict.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use releng_db::{Db, Migrations, migrate, schema};
use releng_queue::migrations;
use releng_testkit::database::{TestDatabase, backends};

use crate::databases::Database;

const SERVICE: EmbeddedMigrations = embed_migrations!("tests/service_migrations");

/// What a service would have: with a version of the same day.
fn service() -> Migrations {
    Migrations {
        sqlite: SERVICE,
        postgres: SERVICE,
    }
}

#[tokio::test]
async fn the_queue_migrates_before_or_after_the_service_and_as_often_as_told() {
    for backend in backends() {
        let (first, second) = (TestDatabase::empty(backend), TestDatabase::empty(backend));
        for _ in 0..2 {
            migrate(first.url(), migrations()).await.unwrap();
            migrate(first.url(), service()).await.unwrap();
            migrate(second.url(), service()).await.unwrap();
            migrate(second.url(), migrations()).await.unwrap();
        }
        for database in [first, second] {
            let tables = schema(database.url()).unwrap();
            let names: Vec<_> = tables.keys().map(String::as_str).collect();
            assert_eq!(names, ["demo_trees", "releng_jobs"], "{backend:?}");
            assert_eq!(
                tables["releng_jobs"],
                [
                    "attempts",
                    "body",
                    "created_at",
                    "dead_at",
                    "dedup_key",
                    "id",
                    "last_error",
                    "queue",
                    "receipt",
                    "visible_at"
                ],
                "{backend:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_in_no_known_state_is_refused() {
    let insert = |columns: &str, values: &str| {
        format!(
            "INSERT INTO releng_jobs (queue, body, visible_at, created_at{columns}) \
             VALUES ('demo', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00'{values})"
        )
    };
    let refused = [
        (
            ", dead_at, last_error, receipt",
            ", '2026-01-01 00:00:00', 'demo', 'r'",
        ),
        (", dead_at", ", '2026-01-01 00:00:00'"),
        (", attempts", ", -1"),
        (", dedup_key", ", ''"),
    ];
    for database in Database::all() {
        let db: Db = Db::connect(database.url(), 1, Duration::from_secs(30)).unwrap();
        let run = |sql: String| db.write(move |conn| Ok(conn.batch_execute(&sql)?));
        run(insert("", "")).await.unwrap();
        for (columns, values) in refused {
            let error = run(insert(columns, values)).await.unwrap_err();
            let chain = error.chain().to_lowercase();
            assert!(chain.contains("check constraint"), "{columns}: {chain}");
        }
    }
}
