// SPDX-License-Identifier: MPL-2.0
//! The change feed: what changes write into it, and how it reaches those who listen.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::Result;
use releng_db::{AnyConnection, TxResult};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::outbox::outbox_prune;
use crate::domain::{Cursor, FeedEvent, Happened, Tree};
use crate::feed::News;
use crate::{State, repo};

/// Events that are read at once.
const STRIDE: i64 = 500;
/// Pause between two looks whether anything was committed; one look costs some microseconds.
const LOOK: Duration = Duration::from_millis(200);
/// Pause between two removals of old events.
const PRUNE: Duration = Duration::from_secs(600);

/// Writes into the feed what happened to trees, and their states after it.
pub(super) fn tell_in_txn<'a>(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    happened: Happened,
    trees: impl IntoIterator<Item = &'a Tree>,
) -> TxResult<()> {
    let told = trees.into_iter();
    let told: Vec<_> = told
        .map(|tree| (tree.tree.as_str(), body(happened, &members(tree))))
        .collect();
    Ok(repo::event_insert_all_in_txn(conn, at, &told)?)
}

/// Writes into the feed what happened to a tree that is not at hand.
pub(super) fn tell_named_in_txn(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    happened: Happened,
    name: &str,
) -> TxResult<()> {
    match repo::tree_fetch(conn, name)? {
        Some(tree) => tell_in_txn(conn, at, happened, [&tree]),
        None => Ok(()),
    }
}

/// Writes into the feed that a tree is gone.
pub(super) fn tell_deleted_in_txn(
    conn: &mut AnyConnection,
    at: NaiveDateTime,
    name: &str,
) -> TxResult<()> {
    let body = body(Happened::Deleted, &json!({"tree": name}));
    Ok(repo::event_insert_all_in_txn(conn, at, &[(name, body)])?)
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
            Ok(match last {
                None => (start, false),
                // The place before the first event.
                Some(last) if last == Cursor::default() => (last, false),
                Some(last) if last == start || repo::event_exists(conn, last)? => (last, false),
                Some(_) => (start, true),
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

/// Hands on what is committed, by this process or another, until `cancel`. Old events are removed.
pub async fn feed_follow(state: &State, cancel: CancellationToken) {
    let mut place = None;
    let mut seen = None;
    let mut pruned: Option<tokio::time::Instant> = None;
    let mut is_stale = false;
    while !cancel.is_cancelled() {
        let stepped = step(state, &mut place, &mut seen).await;
        if let Err(error) = &stepped {
            tracing::warn!(error = error.chain(), "the change feed waits");
        }
        if stepped.is_err() != is_stale {
            is_stale = stepped.is_err();
            let news = if is_stale { News::Stale } else { News::Fresh };
            state.feed.tell(news);
        }
        if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
            pruned = Some(tokio::time::Instant::now());
            if let Err(error) = feed_prune(state).await {
                tracing::warn!(error = error.chain(), "old events are not removed");
            }
            if let Err(error) = outbox_prune(state).await {
                tracing::warn!(error = error.chain(), "old messages are not removed");
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn step(
    state: &State,
    place: &mut Option<Cursor>,
    seen: &mut Option<releng_db::Token>,
) -> Result<()> {
    let token = state.db.changes().current().await?;
    if seen.as_ref() == Some(&token) {
        return Ok(());
    }
    let mut cursor = match *place {
        Some(cursor) => cursor,
        None => {
            let newest = feed_start(state, None).await?.0;
            *place = Some(newest);
            // What was committed before this process followed the feed was not handed on.
            state.feed.tell(News::LookYourself);
            newest
        }
    };
    loop {
        *place = Some(cursor);
        let events = feed_after(state, cursor).await?;
        let Some(last) = events.last() else { break };
        cursor = last.cursor;
        for event in events {
            state.feed.tell(News::Event(Arc::new(event)));
        }
    }
    *seen = Some(token);
    Ok(())
}

/// Removes events that nobody resumes from any more.
async fn feed_prune(state: &State) -> Result<()> {
    let kept = TimeDelta::seconds(state.settings.own.events_keep_secs);
    let before = (state.clock.now() - kept).naive_utc();
    let removed = state
        .db
        .write_behind(move |conn| Ok(repo::event_prune_in_txn(conn, before)?))
        .await?;
    if removed > 0 {
        tracing::debug!(removed, "old events are removed");
    }
    Ok(())
}
