// SPDX-License-Identifier: MPL-2.0
//! For how long a tree was closed: its log is read stretch by stretch and added up.

use releng_common::{Error, Result};

use super::NO_SUCH_TREE;
use crate::domain::{ClosureQuery, Closures, Period};
use crate::{State, repo};

/// Entries that are read at once.
const STRIDE: i64 = 1000;
/// Most stretches of one answer: a tree that changes every five minutes fills them in a year.
const STRETCHES: usize = 100;

/// Returns how long a tree was closed in each period, by reason category.
///
/// # Errors
/// `NotFound` for an unknown tree, `InvalidInput` when the log of that time is too long.
pub async fn closure_list(state: &State, tree: String, query: ClosureQuery) -> Result<Vec<Period>> {
    let now = state.clock.now().naive_utc();
    let name = tree.clone();
    let before = state
        .db
        .read(move |conn| {
            if !repo::tree_exists(conn, &name)? {
                return Err(Error::not_found(NO_SUCH_TREE).into());
            }
            Ok(repo::log_last_status(conn, &name, query.since)?)
        })
        .await?;
    let mut closures = Closures::new(&query);
    let mut place = (query.since, 0);
    if let Some(entry) = before {
        place = (entry.when, entry.id);
        closures.take(&entry);
    }
    // Between two stretches others may use the connection.
    for _ in 0..STRETCHES {
        let name = tree.clone();
        let entries = state
            .db
            .read(move |conn| {
                Ok(repo::log_list_after(
                    conn,
                    &name,
                    place,
                    query.until,
                    STRIDE,
                )?)
            })
            .await?;
        let Some(last) = entries.last() else {
            return Ok(closures.finish(now));
        };
        place = (last.when, last.id);
        for entry in &entries {
            closures.take(entry);
        }
    }
    Err(Error::invalid(format!(
        "the log has more than {} entries in this time: ask for a shorter one",
        (STRETCHES - 1) * 1000
    )))
}
