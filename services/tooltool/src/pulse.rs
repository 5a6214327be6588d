// SPDX-License-Identifier: MPL-2.0
//! The message broker as the Python service used it (tooltool.md §5.4): the end of an upload is told on
//! an exchange of our own, and a worker listens there. Nothing here depends on it; beside processes of
//! the Python service it lets either side do the other's work.

use releng_common::Clock;
use releng_events::Event;
use releng_events::pulse::{Background, Binding, Broker, Publisher, background};
use serde_json::{Value, json};

use crate::domain::Sha512;

/// Name of the exchange, and of the queue behind it.
const EXCHANGE: &str = "tooltool_api";

/// Routing key of the only kind of message.
const ROUTING_KEY: &str = "check_file_pending_uploads";

/// The broker in use.
#[derive(Clone, Debug)]
pub struct Pulse {
    broker: Broker,
    publishing: Background,
}

impl Pulse {
    /// Prepares publishing. Nothing is connected yet.
    pub fn new(broker: Broker) -> Self {
        let publishing = background(Publisher::new(broker.clone()));
        Self { broker, publishing }
    }

    /// Returns the broker.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Returns what publishes.
    pub fn publishing(&self) -> &Background {
        &self.publishing
    }

    /// Returns where workers listen.
    pub fn binding(&self) -> Binding {
        Binding {
            exchange: self.broker.exchange(EXCHANGE),
            routing_key: ROUTING_KEY.to_owned(),
            queue: self.broker.queue(&format!("exchange/{EXCHANGE}")),
        }
    }

    /// Tells that a file was sent. Does not wait for the broker.
    pub fn tell_sent(&self, digest: &Sha512, clock: &Clock) {
        self.publishing.offer(Event {
            exchange: self.broker.exchange(EXCHANGE),
            routing_key: ROUTING_KEY.to_owned(),
            payload: json!({"digest": digest.as_str()}),
            message_id: uuid::Uuid::new_v4().to_string(),
            at: clock.now(),
        });
    }
}

/// Reads the payload of a message; `None`: it names no digest.
pub fn digest_in(payload: &Value) -> Option<Sha512> {
    Sha512::parse(payload.get("digest")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_digest_is_a_message() {
        let digest = "a".repeat(128);
        let found = digest_in(&json!({"digest": digest, "more": 1}));
        assert_eq!(found.map(|d| d.to_string()), Some(digest));
        for payload in [
            json!({}),
            json!(1),
            json!({"digest": 1}),
            json!({"digest": "A"}),
        ] {
            assert_eq!(digest_in(&payload), None, "{payload}");
        }
    }
}
