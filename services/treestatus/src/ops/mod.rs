// SPDX-License-Identifier: MPL-2.0
//! What the service does, one public function each. Transactions live here.

mod apply;
mod change;
mod closure;
mod feed;
mod follow;
mod log;
mod memory;
mod outbox;
mod tree;
mod update;

pub use change::{change_discard, change_edit, change_restore};
pub use closure::closure_list;
pub use feed::{feed_after, feed_newest, feed_start};
pub use follow::feed_follow;
pub use log::{log_edit, log_newest, log_search, no_such_entry};
pub use memory::{change_list, memory_keep, tree_list};
pub use outbox::{outbox_check, outbox_follow, outbox_targets};
pub use tree::{tree_create, tree_delete};
pub use update::tree_update;

/// Text for a tree that does not exist; clients compare it.
pub const NO_SUCH_TREE: &str = "No such tree";
/// Text for a stack entry that does not exist.
pub const NO_SUCH_CHANGE: &str = "No such change";

/// Brings the database up to date.
///
/// # Errors
/// The database cannot be opened or a migration fails.
pub async fn migrate(database_url: &str) -> releng_common::Result<()> {
    releng_db::migrate(database_url, crate::repo::migrations()).await
}
