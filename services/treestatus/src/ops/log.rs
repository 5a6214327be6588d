// SPDX-License-Identifier: MPL-2.0
//! Reading the log of a tree.

use releng_common::{Error, Result};

use super::NO_SUCH_TREE;
use crate::domain::LogEntry;
use crate::{State, repo};

/// How much of a log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSpan {
    /// The five newest entries.
    Newest,
    /// Everything, up to the configured limit.
    All,
}

/// Entries of [`LogSpan::Newest`] (treestatus.md §2).
const NEWEST: i64 = 5;

/// Returns the log of a tree, newest first.
///
/// # Errors
/// `NotFound` for an unknown tree.
pub async fn log_list(state: &State, tree: String, span: LogSpan) -> Result<Vec<LogEntry>> {
    let limit = match span {
        LogSpan::Newest => NEWEST,
        LogSpan::All => state.settings.own.max_list_length,
    };
    state
        .db
        .read(move |conn| {
            if !repo::tree_exists(conn, &tree)? {
                return Err(Error::not_found(NO_SUCH_TREE).into());
            }
            Ok(repo::log_list(conn, &tree, limit)?)
        })
        .await
}
