// SPDX-License-Identifier: MPL-2.0
//! The only place with SQL: one query per function, on SQLite and PostgreSQL alike.

mod file;
mod missing;
mod rows;
mod schema;
mod session;
mod token;
mod upload;
mod user;

pub(crate) use file::{
    CodePlace, file_complete_in_txn, file_count_of_uploads, file_find_by_code, file_insert_in_txn,
    file_list_after, file_list_incomplete, file_list_of_upload,
};
pub(crate) use missing::{missing_count, missing_list, missing_list_after, missing_record_in_txn};
pub(crate) use rows::ListedFile;
pub(crate) use session::{
    session_delete_in_txn, session_find, session_insert_in_txn, session_purge_in_txn,
};
pub(crate) use token::{token_find, token_insert_in_txn};
pub(crate) use upload::{
    DayTotals, upload_complete_in_txn, upload_find, upload_insert_in_txn, upload_list,
    upload_list_related, uploads_created_add_in_txn,
};
pub(crate) use user::{
    group_find, group_list, membership_insert_in_txn, permission_ids, permissions_of_user,
    user_find, user_insert_in_txn, user_list_by_email, user_update_in_txn,
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
