// SPDX-License-Identifier: MPL-2.0
//! Messages to others about changes: kept with the change itself, sent afterwards by one process at a
//! time, so that neither an outage nor a crash loses one and no answer waits for anybody.

mod mail;
mod page;
mod pulse;
mod sender;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::{Error, Result};

use crate::domain::{Backlog, Incident, NewMessage, StatusChange, Target};
use crate::settings::Notices;
use crate::{State, repo};

pub use sender::outbox_follow;

/// Returns what is to be told of a change, to be written in its transaction.
pub(super) fn messages(
    notices: &Notices,
    at: NaiveDateTime,
    change: &StatusChange,
) -> Result<Vec<NewMessage>> {
    let targets = [
        notices.broker.is_some().then_some(Target::Pulse),
        is_for_the_page(notices, change).then_some(Target::Statuspage),
    ];
    let message = |target: Target| {
        Ok(NewMessage {
            target,
            tree: change.tree.tree.clone(),
            message_id: change.message_id(),
            at,
            body: serde_json::to_string(change)
                .map_err(|e| Error::internal("a change is no JSON").with_source(e))?,
        })
    };
    targets.into_iter().flatten().map(message).collect()
}

fn is_for_the_page(notices: &Notices, change: &StatusChange) -> bool {
    let name = &change.tree.tree;
    if !notices.missing.is_empty() {
        tracing::warn!(
            tree.name = name,
            missing = notices.missing.join(", "),
            "Statuspage is not told of {name}: settings are missing"
        );
    }
    let Some(page) = &notices.page else {
        return false;
    };
    if !page.components.contains_key(name) {
        return false;
    }
    match Incident::of(change, &page.tags) {
        None => false,
        Some(Incident::Begins | Incident::Ends) => true,
        Some(Incident::Ambiguous) => {
            tracing::warn!(
                tree.name = name,
                "Statuspage is not told of {name}: the change has more than one tag"
            );
            false
        }
    }
}

/// Returns who is told by this process.
pub fn outbox_targets(state: &State) -> Vec<Target> {
    Target::ALL
        .into_iter()
        .filter(|target| match target {
            Target::Pulse => state.pulse.is_some(),
            Target::Statuspage => state.statuspage.is_some(),
            Target::Mail => state.notify.is_some(),
        })
        .collect()
}

/// Checks that nothing waits for long.
///
/// # Errors
/// `Unavailable` that says how much waits for whom, and for how long.
pub async fn outbox_check(state: &State) -> Result<()> {
    let now = state.clock.now().naive_utc();
    let limit = i64::try_from(state.settings.notices.own.outbox_warn_secs).unwrap_or(i64::MAX);
    let mut late = Vec::new();
    for target in outbox_targets(state) {
        let backlog = backlog(state, target).await?;
        let secs = age_secs(backlog, now);
        if secs >= limit {
            let (count, target) = (backlog.count, target.as_str());
            late.push(format!(
                "{count} messages wait for {target}, the oldest for {secs} s"
            ));
        }
    }
    if late.is_empty() {
        return Ok(());
    }
    Err(Error::unavailable(late.join("; ")))
}

async fn backlog(state: &State, target: Target) -> Result<Backlog> {
    state
        .db
        .read(move |conn| Ok(repo::outbox_backlog(conn, target)?))
        .await
}

fn age_secs(backlog: Backlog, now: NaiveDateTime) -> i64 {
    backlog
        .oldest
        .map_or(0, |oldest| (now - oldest).num_seconds().max(0))
}

/// Removes messages that ended a while ago, and those for targets that are off by now.
pub(super) async fn outbox_prune(state: &State) -> Result<()> {
    let kept = TimeDelta::seconds(state.settings.notices.own.outbox_keep_secs);
    let before = (state.clock.now() - kept).naive_utc();
    let on = outbox_targets(state);
    let off: Vec<Target> = Target::ALL
        .into_iter()
        .filter(|target| !on.contains(target))
        .collect();
    let (ended, abandoned) = state
        .db
        .write_behind(move |conn| Ok(repo::outbox_prune_in_txn(conn, before, &off)?))
        .await?;
    if ended > 0 {
        tracing::debug!(ended, "old messages are removed");
    }
    if abandoned > 0 {
        tracing::warn!(
            abandoned,
            "messages are removed unsent: their target is off"
        );
    }
    Ok(())
}
