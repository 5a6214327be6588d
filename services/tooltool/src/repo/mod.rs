// SPDX-License-Identifier: MPL-2.0
//! The only place with SQL: one query per function, on SQLite and PostgreSQL alike.

mod batch;
mod copy;
mod file;
mod instance;
mod lease;
mod pending;
mod rows;
mod schema;
mod token;
mod watch;

pub use batch::Mention;
pub(crate) use batch::{
    batch_fetch, batch_file_insert_all_in_txn, batch_insert_in_txn, batch_mentions, batch_search,
};
pub(crate) use copy::{Copy, copy_all_in_txn, copy_is_empty};
pub(crate) use file::{
    file_ensure_all_in_txn, file_fetch, file_lock_all_in_txn, file_lock_in_txn, file_page,
    file_search, file_update_in_txn,
};
pub(crate) use instance::{
    instance_delete_all_in_txn, instance_delete_in_txn, instance_insert_in_txn,
};
pub(crate) use lease::{
    lease_break_in_txn, lease_claim_in_txn, lease_is_held_in_txn, lease_is_live_in_txn, lease_lost,
    lease_renew_in_txn, lease_return_in_txn,
};
pub(crate) use pending::{
    pending_delete_in_txn, pending_due, pending_fetch, pending_lock_all_in_txn,
    pending_lock_in_txn, pending_upsert_all_in_txn,
};
pub(crate) use watch::{
    watch_delete_all_in_txn, watch_delete_in_txn, watch_due, watch_list, watch_upsert_in_txn,
};

pub(crate) use token::token_fetch;

use chrono::NaiveDateTime;
use diesel::QueryResult;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use releng_db::{AnyConnection, Migrations};

use crate::domain::Sha512;

/// Finds files with something to do by a moment: those after an id, at most so many.
pub(crate) type DueQuery =
    fn(&mut AnyConnection, NaiveDateTime, i32, i64) -> QueryResult<Vec<(i32, Sha512)>>;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Returns the migrations of this service.
pub fn migrations() -> Migrations {
    Migrations {
        sqlite: SQLITE,
        postgres: POSTGRES,
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Most entries.
    pub limit: i64,
    /// Entries to skip.
    pub offset: i64,
}

/// Puts the name of the function that finds a text in a text into a query. Both compare byte by byte,
/// unlike `LIKE`, which folds case on SQLite and knows wildcards.
fn with_find(conn: &AnyConnection, sql: &str) -> String {
    let find = match conn {
        AnyConnection::Postgres(_) => "strpos",
        AnyConnection::Sqlite(_) => "instr",
    };
    sql.replace("FIND", find)
}
