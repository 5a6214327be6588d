// SPDX-License-Identifier: MPL-2.0
//! Mails that say that Statuspage could not be told: their text, and their order at Taskcluster.

use releng_common::notify::{Link, Mail};
use releng_common::{Error, Kind, Result};

use super::page::{Failure, Step};
use super::sender::Sender;
use crate::domain::{Ending, Message};
use crate::metric::MetricName;
use crate::{State, repo};

/// Where people look after a page.
const MANAGE: &str = "https://manage.statuspage.io/pages";

/// Writes the mail about a failure; `None` when nobody is to get one.
pub(super) fn report(
    state: &State,
    tree: &str,
    (step, error): &Failure,
    is_over: bool,
) -> Option<Mail> {
    let notices = &state.settings.notices;
    let address = notices.own.statuspage_notify_on_error.clone();
    let address = address.filter(|_| state.notify.is_some())?;
    let page = format!("{MANAGE}/{}", notices.page.as_ref()?.id);
    let (doing, subject) = match step {
        Step::Create => ("creating", "creating"),
        Step::List | Step::Resolve(_) => ("resolving", "closing"),
    };
    let (href, text) = match step {
        Step::Create | Step::List => (page, "Visit statuspage"),
        Step::Resolve(id) => (
            format!("{page}/incidents/{id}"),
            "Visit statuspage incident",
        ),
    };
    let next = if is_over {
        "It is not tried again."
    } else {
        "It is tried again for a while."
    };
    Some(Mail {
        address,
        subject: format!("[treestatus] Error when {subject} statuspage incident"),
        content: format!(
            "An error occurred when {doing} the incident for tree `{tree}`: {error}. {next} \
             Please check the incident by hand."
        ),
        link: Link {
            href,
            text: text.to_owned(),
        },
    })
}

/// Orders the mails whose time has come.
///
/// # Errors
/// The database does not answer. Failures of the notify service are noted with the mail.
pub(super) async fn send(sender: &mut Sender<'_>) -> Result<()> {
    for message in sender.due().await? {
        if sender.is_lease_old() && !sender.lease().await? {
            return Ok(());
        }
        order(sender, &message).await?;
    }
    Ok(())
}

async fn order(sender: &Sender<'_>, message: &Message) -> Result<()> {
    let Some(notify) = &sender.state.notify else {
        return Ok(());
    };
    let mail: Mail = serde_json::from_str(&message.body)
        .map_err(|e| Error::internal("a message of the outbox is no JSON").with_source(e))?;
    let Err(error) = notify.send(&mail).await else {
        return sender.end(vec![message.id], Ending::Sent).await;
    };
    let is_over = sender.is_late(message) || error.kind() == Kind::InvalidInput;
    MetricName::Failed.add(sender.target, 1);
    tracing::error!(
        tree.name = message.tree,
        is_given_up = is_over,
        error = error.chain(),
        "no mail about {} goes out",
        message.tree
    );
    if is_over {
        return sender.end(vec![message.id], Ending::GivenUp).await;
    }
    let (id, next_at) = (message.id, sender.next_try(message));
    sender
        .state
        .db
        .write_behind(move |conn| Ok(repo::outbox_attempt_in_txn(conn, id, next_at)?))
        .await
}
