// SPDX-License-Identifier: MPL-2.0
//! Telling Statuspage (treestatus.md §8). The messages about one tree go in order, those about others
//! do not wait for them. An attempt is noted before it begins: after a crash, a time-out or an error
//! nobody knows whether an incident was made, so the next one looks before it makes another.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use releng_common::notify::Mail;
use releng_common::{Error, Kind, Result};

use super::mail::report;
use super::sender::Sender;
use crate::domain::{Ending, Incident, Message, NewMessage, StatusChange, Target};
use crate::metric::MetricName;
use crate::repo;
use crate::statuspage::Statuspage;

/// Age from which a message is only worth sending if nothing happened to the tree since.
const OLD: TimeDelta = TimeDelta::minutes(1);

/// What was being done when it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Making an incident, or looking whether it is there.
    Create,
    /// Looking for the incidents of a tree.
    List,
    /// Resolving this incident.
    Resolve(String),
}

/// A step and why it failed.
pub(super) type Failure = (Step, Error);

/// Sends the next message about each tree whose time has come.
///
/// # Errors
/// The database does not answer. Failures of Statuspage are noted with the message.
pub(super) async fn send(sender: &mut Sender<'_>) -> Result<()> {
    let now = sender.state.clock.now().naive_utc();
    let waiting = sender.waiting().await?;
    let mut seen = BTreeSet::new();
    for (index, message) in waiting.iter().enumerate() {
        let is_next = seen.insert(message.tree.as_str());
        if !is_next || message.next_at.is_some_and(|at| at > now) {
            continue;
        }
        if sender.is_lease_old() && !sender.lease().await? {
            return Ok(());
        }
        let has_later = waiting
            .iter()
            .skip(index + 1)
            .any(|later| later.tree == message.tree);
        tell(sender, message, has_later).await?;
    }
    Ok(())
}

async fn tell(sender: &Sender<'_>, message: &Message, has_later: bool) -> Result<()> {
    let Some(page) = &sender.state.statuspage else {
        return Ok(());
    };
    let change: StatusChange = serde_json::from_str(&message.body)
        .map_err(|e| Error::internal("a message of the outbox is no JSON").with_source(e))?;
    let tree = &change.tree.tree;
    let incident = Incident::of(&change, &page.page().tags);
    let component = page.page().components.get(tree);
    let (Some(incident), Some(component)) = (incident, component) else {
        // The settings have changed since.
        return sender.end(vec![message.id], Ending::Superseded).await;
    };
    let age = sender.state.clock.now().naive_utc() - message.at;
    if incident == Incident::Begins && has_later && (message.attempts > 0 || age > OLD) {
        // The tree is open again: what the next message resolves need not be made.
        return sender.end(vec![message.id], Ending::Superseded).await;
    }
    note_attempt(sender, message).await?;
    let doing = perform(page, incident, &change, component, message.attempts > 0);
    let failures = match tokio::time::timeout(sender.patience(), doing).await {
        Ok(failures) => failures,
        Err(_) => vec![(step(incident), Error::unavailable("no answer in time"))],
    };
    if failures.is_empty() {
        return sender.end(vec![message.id], Ending::Sent).await;
    }
    fail(sender, message, failures).await
}

fn step(incident: Incident) -> Step {
    match incident {
        Incident::Begins => Step::Create,
        Incident::Ends | Incident::Ambiguous => Step::List,
    }
}

/// Until the attempt has ended nobody else may begin one, also when this process dies.
async fn note_attempt(sender: &Sender<'_>, message: &Message) -> Result<()> {
    let patience = TimeDelta::from_std(sender.patience()).unwrap_or(TimeDelta::MAX);
    let (id, next_at) = (message.id, sender.state.clock.now() + patience);
    sender
        .state
        .db
        .write_behind(move |conn| Ok(repo::outbox_attempt_in_txn(conn, id, next_at.naive_utc())?))
        .await
}

async fn perform(
    page: &Statuspage,
    incident: Incident,
    change: &StatusChange,
    component: &str,
    is_repeated: bool,
) -> Vec<Failure> {
    let tree = &change.tree.tree;
    match incident {
        Incident::Ambiguous => Vec::new(),
        Incident::Begins => {
            let create = async {
                if is_repeated && !page.unresolved(tree).await?.is_empty() {
                    return Ok(());
                }
                page.create(change, component).await
            };
            let failed = create.await.err();
            failed
                .map(|error| (Step::Create, error))
                .into_iter()
                .collect()
        }
        Incident::Ends => match page.unresolved(tree).await {
            Err(error) => vec![(Step::List, error)],
            Ok(ids) => {
                let mut failures = Vec::new();
                for id in ids {
                    if let Err(error) = page.resolve(&id, component).await {
                        failures.push((Step::Resolve(id), error));
                    }
                }
                failures
            }
        },
    }
}

/// Notes that an attempt failed: the first time a mail says so, and it is tried again unless that is
/// of no use.
async fn fail(sender: &Sender<'_>, message: &Message, failures: Vec<Failure>) -> Result<()> {
    let is_refused = failures.iter().all(|(_, e)| e.kind() == Kind::InvalidInput);
    let is_over = sender.is_late(message) || is_refused;
    MetricName::Failed.add(sender.target, 1);
    for (step, error) in &failures {
        tracing::error!(
            tree.name = message.tree,
            step = ?step,
            is_given_up = is_over,
            error = error.chain(),
            "Statuspage cannot be told of {}",
            message.tree
        );
    }
    let mails = if message.is_reported {
        Vec::new()
    } else {
        failures
            .iter()
            .filter_map(|failure| report(sender.state, &message.tree, failure, is_over))
            .collect()
    };
    note_failure(sender, message, mails).await?;
    if is_over {
        sender.end(vec![message.id], Ending::GivenUp).await?;
    }
    Ok(())
}

async fn note_failure(sender: &Sender<'_>, message: &Message, mails: Vec<Mail>) -> Result<()> {
    let now = sender.state.clock.now().naive_utc();
    let next_at = sender.next_try(message);
    let mut orders = Vec::new();
    for (index, mail) in mails.iter().enumerate() {
        orders.push(NewMessage {
            target: Target::Mail,
            tree: message.tree.clone(),
            message_id: format!("{}:{index}", message.message_id),
            at: now,
            body: serde_json::to_string(mail)
                .map_err(|e| Error::internal("a mail is no JSON").with_source(e))?,
        });
    }
    let (id, is_news) = (message.id, !orders.is_empty());
    sender
        .state
        .db
        .write_behind(move |conn| {
            repo::outbox_postpone_in_txn(conn, id, next_at, is_news)?;
            Ok(repo::outbox_insert_all_in_txn(conn, &orders)?)
        })
        .await
}
