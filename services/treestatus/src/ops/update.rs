// SPDX-License-Identifier: MPL-2.0
//! Changing trees. Updates of the same trees that wait for each other share a transaction: locks and commit
//! are paid once for all of them.

use std::sync::Arc;

use chrono::NaiveDateTime;
use releng_common::auth::Caller;
use releng_common::http::shape::python_text;
use releng_common::{Clock, Error, Result};
use releng_db::{AnyConnection, TxResult};
use releng_events::Event;
use serde_json::json;

use super::apply::{Applied, Records, Step, changes_of};
use crate::domain::{Asked, Condition, LastState, Outcome, StatusChange, Tree, Update, outdated};
use crate::settings::Notices;
use crate::{State, repo};

/// Changes trees, all or nothing, and tells others what really changed.
///
/// # Errors
/// `Unauthenticated`, `NotFound` that names the missing trees.
pub async fn tree_update(
    state: &State,
    caller: &Caller,
    update: Update,
    condition: Condition,
) -> Result<Outcome> {
    let who = caller.require_any(&state.permissions.update)?.to_owned();
    let names: Vec<String> = update.trees.iter().cloned().collect();
    let asked = Asked {
        who,
        update,
        condition,
    };
    let clock = state.clock.clone();
    let notices = Arc::clone(&state.settings.notices);
    let work = {
        let names = names.clone();
        move |conn: &mut AnyConnection, asked: &[Asked]| {
            update_all_in_txn(conn, &clock, &notices, &names, asked)
        }
    };
    let outcome = state.updates.write(&state.db, names, asked, work).await?;
    if let Outcome::Done(changed) = &outcome {
        publish(state, changed).await;
    }
    Ok(outcome)
}

/// Applies updates of the same trees, one after the other.
fn update_all_in_txn(
    conn: &mut AnyConnection,
    clock: &Clock,
    notices: &Notices,
    names: &[String],
    asked: &[Asked],
) -> TxResult<Vec<Result<Outcome>>> {
    let found = repo::tree_lock_in_txn(conn, names)?;
    if found != names {
        return Ok(asked.iter().map(|_| Err(missing(names, &found))).collect());
    }
    let entries = asked.iter().filter(|a| a.update.log_entry().is_some());
    let entries = entries.count().saturating_mul(names.len());
    let mut turn = Turn {
        notices,
        trees: repo::tree_fetch_all(conn, names)?,
        records: Records::begin_in_txn(conn, entries)?,
        done: None,
    };
    let mut outcomes = Vec::new();
    for asked in asked {
        // Under the locks: who waited for them must not write of the time before.
        let now = clock.now().naive_utc();
        outcomes.push(match asked.update.check_completeness() {
            Err(error) => Err(error),
            Ok(()) => Ok(turn.apply_in_txn(conn, now, asked)?),
        });
    }
    turn.write_in_txn(conn)?;
    Ok(outcomes)
}

/// Updates of locked trees under way.
struct Turn<'a> {
    notices: &'a Notices,
    /// Each with the time of its newest log entry, after the updates so far.
    trees: Vec<(Tree, Option<NaiveDateTime>)>,
    records: Records,
    /// The updates so far as one.
    done: Option<Update>,
}

impl Turn<'_> {
    fn apply_in_txn(
        &mut self,
        conn: &mut AnyConnection,
        now: NaiveDateTime,
        asked: &Asked,
    ) -> TxResult<Outcome> {
        let outdated = outdated(self.trees.iter().map(|(tree, _)| tree), &asked.condition);
        if !outdated.is_empty() {
            return Ok(Outcome::Outdated(outdated));
        }
        let update = &asked.update;
        let before = std::mem::take(&mut self.trees).into_iter();
        let steps = before.map(|(tree, newest_at)| Step::of(update, tree, newest_at, now));
        let steps = steps.collect();
        let applied = self.records.note(self.notices, (&asked.who, now), steps)?;
        if update.remember {
            remember_in_txn(conn, now, asked, &applied)?;
        }
        self.done = Some(match self.done.take() {
            Some(done) => done.then(update),
            None => update.clone(),
        });
        let changed = changes_of(&applied);
        self.trees = applied.into_iter().map(|a| (a.after, Some(a.at))).collect();
        Ok(Outcome::Done(changed))
    }

    fn write_in_txn(self, conn: &mut AnyConnection) -> TxResult<()> {
        if let Some(done) = &self.done {
            repo::tree_update_in_txn(conn, done)?;
        }
        self.records.write_in_txn(conn)
    }
}

fn remember_in_txn(
    conn: &mut AnyConnection,
    now: NaiveDateTime,
    Asked { who, update, .. }: &Asked,
    applied: &[Applied],
) -> TxResult<()> {
    let status = update.status.map(|s| s.as_str()).unwrap_or_default();
    let reason = update.reason.as_deref().unwrap_or_default();
    // Not before the entries that it would undo: newest first, as they are undone.
    let at = applied.iter().map(|a| a.at).fold(now, Ord::max);
    let part = |a: &Applied| (a.before.tree.clone(), last_state(&a.before, &a.after));
    let remembered: Vec<_> = applied.iter().map(part).collect();
    Ok(repo::change_insert_in_txn(
        conn,
        at,
        (who, status, reason),
        &remembered,
    )?)
}

fn last_state(before: &Tree, after: &Tree) -> LastState {
    LastState {
        status: before.status.clone(),
        reason: before.reason.clone(),
        tags: before.tags.clone(),
        log_id: before.log_id,
        current_status: after.status.clone(),
        current_reason: after.reason.clone(),
        current_tags: after.tags.clone(),
        current_log_id: after.log_id,
    }
}

/// Tells the log after the commit, where no broker hears of it. Trouble never changes the answer
/// (treestatus.md §5).
pub(super) async fn publish(state: &State, changed: &[StatusChange]) {
    if state.pulse.is_some() {
        return;
    }
    for change in changed {
        let name = &change.tree.tree;
        let event = Event {
            exchange: state.settings.notices.own.pulse_exchange.clone(),
            routing_key: format!("tree/{name}/status_change"),
            payload: json!(change),
            message_id: change.message_id(),
            at: state.clock.now(),
        };
        if let Err(error) = state.publisher.publish(&event).await {
            tracing::warn!(
                tree.name = name,
                error = error.chain(),
                "change not published"
            );
        }
    }
}

/// Prints the missing names as Python prints a set, sorted.
fn missing(names: &[String], found: &[String]) -> Error {
    let list: Vec<String> = names
        .iter()
        .filter(|n| !found.contains(n))
        .map(|n| python_text(n))
        .collect();
    Error::not_found(format!(
        "Could not fetch the following trees: {{{}}}",
        list.join(", ")
    ))
}
