// SPDX-License-Identifier: MPL-2.0
//! What a tree, its log and its recent changes are. Values that were built here are valid.

mod change;
mod log;
mod permissions;
mod tree;
mod update;

pub use change::{Change, ChangedTree, LastState};
pub use log::LogEntry;
pub use permissions::Permissions;
pub use tree::{NewTree, Status, Tree, TreeName};
pub use update::{NO_CHANGE, TREES_LIMIT, Update, no_trees, too_many};
