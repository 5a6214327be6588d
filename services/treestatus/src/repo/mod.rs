// SPDX-License-Identifier: MPL-2.0
//! The only place with SQL: one query per function, on SQLite and PostgreSQL alike.

mod change;
mod event;
mod log;
mod outbox;
mod rows;
mod schema;
mod tree;

pub(crate) use change::{
    change_delete_in_txn, change_forget_trees_in_txn, change_insert_in_txn, change_list,
    change_lock_in_txn, change_part_update_in_txn, change_parts_of_log_in_txn,
    change_set_reason_in_txn, change_tree_names,
};
pub(crate) use event::{
    NewEvent, event_exists, event_first_exists, event_insert_all_in_txn, event_is_of_the_future,
    event_list_after, event_newest, event_newest_settled, event_prune_in_txn,
};
pub(crate) use log::{
    NewEntry, RealValues, log_delete_all_in_txn, log_edit_in_txn, log_fetch, log_insert_all_in_txn,
    log_last_status, log_list_after, log_newest_reason, log_real_values, log_search,
    log_take_ids_in_txn,
};
pub(crate) use outbox::{
    outbox_attempt_in_txn, outbox_backlog, outbox_end_in_txn, outbox_insert_all_in_txn,
    outbox_postpone_in_txn, outbox_prune_in_txn, outbox_waiting, sender_leave_in_txn, sender_other,
    sender_take_in_txn,
};
pub(crate) use tree::{
    tree_delete_all_in_txn, tree_exists, tree_fetch, tree_fetch_all, tree_insert_in_txn, tree_list,
    tree_lock_in_txn, tree_set_all_in_txn, tree_set_reason_in_txn, tree_update_in_txn,
};

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use releng_db::Migrations;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Rows of one statement. Databases limit its values: SQLite to 32,766, PostgreSQL to 65,535.
const ROWS_AT_ONCE: usize = 1000;

/// Returns the migrations of this service.
pub fn migrations() -> Migrations {
    Migrations {
        sqlite: SQLITE,
        postgres: POSTGRES,
    }
}
