// SPDX-License-Identifier: MPL-2.0
//! What a tree, its log and its recent changes are. Values that were built here are valid.

mod asked;
mod category;
mod change;
mod closure;
mod edit;
mod event;
mod incident;
mod limits;
mod log;
mod log_query;
mod message;
mod permissions;
mod status_change;
mod tree;
mod update;
mod words;

pub use asked::{Asked, Condition, Outcome, outdated};
pub use category::Category;
pub use change::{Change, ChangedTree, LastState};
pub use closure::{ClosureQuery, Closures, Per, Period};
pub use edit::Edit;
pub use event::{Cursor, FeedEvent, Happened};
pub use incident::Incident;
pub use limits::Limits;
pub use log::LogEntry;
pub use log_query::{LogQuery, PAGE_LIMIT, parse_time};
pub use message::{Backlog, Ending, Message, NewMessage, Target, pause};
pub use permissions::Permissions;
pub use status_change::{StatusChange, ToldTree};
pub use tree::{NewTree, Status, Tree, TreeName};
pub use update::{NO_CHANGE, TREES_LIMIT, Update, check_reason, no_trees, too_many};
pub use words::{Piece, REASON_CATEGORIES, author, pieces, rules};
