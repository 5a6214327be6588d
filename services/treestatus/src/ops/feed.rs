// SPDX-License-Identifier: MPL-2.0
//! The change feed: what changes write into it, and where those who listen go on.

use chrono::NaiveDateTime;
use releng_common::Result;
use releng_db::{AnyConnection, TxResult};
use serde_json::json;

use crate::domain::{Cursor, FeedEvent, Happened, Tree};
use crate::repo::NewEvent;
use crate::{State, repo};

/// Events that are read at once.
const STRIDE: i64 = 500;

/// Returns the event of a tree, with its state after what happened.
pub(super) fn event_of(at: NaiveDateTime, happened: Happened, tree: &Tree) -> NewEvent {
    NewEvent {
        at,
        tree: tree.tree.clone(),
        body: body(happened, &members(tree)),
    }
}

/// Writes into the feed what happened to a tree that is not at hand.
pub(super) fn tell_named_in_txn(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    happened: Happened,
    name: &str,
) -> TxResult<()> {
    let tree = repo::tree_fetch(conn, name)?;
    let event = tree.map(|tree| event_of(at, happened, &tree));
    Ok(repo::event_insert_all_in_txn(conn, event.as_slice())?)
}

/// Writes into the feed that trees are gone.
pub(super) fn tell_deleted_in_txn(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    names: &[String],
) -> TxResult<()> {
    let event = |name: &String| NewEvent {
        at,
        tree: name.clone(),
        body: body(Happened::Deleted, &json!({"tree": name})),
    };
    let events: Vec<_> = names.iter().map(event).collect();
    Ok(repo::event_insert_all_in_txn(conn, &events)?)
}

fn body(happened: Happened, tree: &serde_json::Value) -> String {
    json!({"happened": happened.as_str(), "tree": tree}).to_string()
}

fn members(tree: &Tree) -> serde_json::Value {
    json!({
        "tree": tree.tree,
        "status": tree.status,
        "reason": tree.reason,
        "message_of_the_day": tree.message_of_the_day,
        "tags": tree.tags,
        "log_id": tree.log_id,
        "category": tree.category.as_str(),
    })
}

/// Returns the events after a place, at most some hundred: ask again until none come.
///
/// # Errors
/// The database does not answer.
pub async fn feed_after(state: &State, cursor: Cursor) -> Result<Vec<FeedEvent>> {
    let events = state
        .db
        .read(move |conn| Ok(repo::event_list_after(conn, cursor, STRIDE)?))
        .await?;
    // Whoever hears of a change reads the trees, maybe from another process.
    if !events.is_empty() {
        state.db.settle().await;
    }
    Ok(events)
}

/// Returns the place from which a listener goes on, and whether it missed events that are gone: then it
/// must read the trees again.
///
/// # Errors
/// The database does not answer.
pub async fn feed_start(state: &State, last: Option<Cursor>) -> Result<(Cursor, bool)> {
    state
        .db
        .read(move |conn| {
            // A transaction that began earlier may still put an event before the newest one.
            let start = repo::event_newest_settled(conn)?;
            let Some(last) = last else {
                return Ok((start, false));
            };
            let is_known = if repo::event_is_of_the_future(conn, last)? {
                // What happens here would stand before it.
                false
            } else if last == Cursor::default() {
                // The place before the first event: good until that is removed.
                last == start || repo::event_first_exists(conn)?
            } else {
                last == start || repo::event_exists(conn, last)?
            };
            Ok(if is_known {
                (last, false)
            } else {
                (start, true)
            })
        })
        .await
}

/// Returns the place of the newest event that is committed.
///
/// # Errors
/// The database does not answer.
pub async fn feed_newest(state: &State) -> Result<Cursor> {
    state.db.read(|conn| Ok(repo::event_newest(conn)?)).await
}
