// SPDX-License-Identifier: MPL-2.0
//! The only place with SQL: one query per function, on SQLite and PostgreSQL alike.

mod archive_file;
mod build;
mod schema;

pub(crate) use archive_file::{FileRow, archive_file_known, archive_file_put_in_txn};
pub(crate) use build::{
    NewBuild, Unindexed, build_count, build_count_indexed, build_fetch, build_insert_in_txn,
    build_list_unindexed, build_mark_indexed_in_txn, build_unmark_all_in_txn,
};

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use releng_db::Migrations;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Returns the migrations of this service.
pub fn migrations() -> Migrations {
    Migrations {
        sqlite: SQLITE,
        postgres: POSTGRES,
    }
}
