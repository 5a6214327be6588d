// SPDX-License-Identifier: MPL-2.0
//! Sending to Pulse (treestatus.md §7), one message after the other: each waits until the broker has
//! said that it has the one before. So each message arrives for the first time after all earlier ones
//! have, whichever process sends and whatever goes wrong in between.

use releng_common::{Error, Result};
use releng_events::{Event, Publisher as _};

use super::sender::Sender;
use crate::domain::{Ending, Message};
use crate::metric::MetricName;

/// Sends everything that waits.
///
/// # Errors
/// The broker or the database does not answer; what was sent until then is noted.
pub(super) async fn send(sender: &mut Sender<'_>) -> Result<()> {
    loop {
        let waiting = sender.waiting().await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let (sent, failure) = publish(sender, &waiting).await;
        // One commit for all: a crash before it means repetitions, which have the same id.
        sender.end(sent, Ending::Sent).await?;
        if let Some(error) = failure {
            MetricName::Failed.add(sender.target, 1);
            return Err(error);
        }
        if !sender.lease().await? {
            return Ok(());
        }
    }
}

/// Publishes in order until one does not get through or the lease grows old.
async fn publish(sender: &Sender<'_>, waiting: &[Message]) -> (Vec<i64>, Option<Error>) {
    let mut sent = Vec::new();
    let Some(publisher) = &sender.state.pulse else {
        return (sent, None);
    };
    for message in waiting {
        if !sent.is_empty() && sender.is_lease_old() {
            break;
        }
        let published = match event(sender, message) {
            Ok(event) => publisher.publish(&event).await,
            Err(error) => Err(error),
        };
        match published {
            Ok(()) => sent.push(message.id),
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}

fn event(sender: &Sender<'_>, message: &Message) -> Result<Event> {
    let payload = serde_json::from_str(&message.body)
        .map_err(|e| Error::internal("a message of the outbox is no JSON").with_source(e))?;
    Ok(Event {
        exchange: sender.state.settings.notices.own.pulse_exchange.clone(),
        routing_key: format!("tree/{}/status_change", message.tree),
        payload,
        message_id: message.message_id.clone(),
        at: sender.state.clock.now(),
    })
}
