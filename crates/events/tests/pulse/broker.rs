// SPDX-License-Identifier: MPL-2.0
//! The broker of the run, through our settings and through the eyes of somebody else.

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use releng_common::config::Source;
use releng_events::Event;
use releng_events::pulse::{Broker, Settings};
use releng_testkit::requirement::requires;
use serde_json::{Value, json};

use crate::PATIENCE;

/// Returns the address; `None`: there is no broker, which was said.
pub(crate) fn url() -> Option<String> {
    requires("rabbitmq")
}

/// Returns host and port of an address of the form `amqp://user:password@HOST:PORT/%2f`.
pub(crate) fn place(url: &str) -> (String, String) {
    let at = url.rsplit_once('@').unwrap().1;
    let (host, port) = at.split('/').next().unwrap().split_once(':').unwrap();
    (host.to_owned(), port.to_owned())
}

/// Reads settings for the broker, some of them others.
pub(crate) fn settings(url: &str, more: &[(&str, &str)]) -> Broker {
    let (host, port) = place(url);
    let source = [
        ("PULSE_USER", "pulse"),
        ("PULSE_PASSWORD", "pulse"),
        ("PULSE_USE_SSL", "false"),
        ("PULSE_HOST", &host),
        ("PULSE_PORT", &port),
        ("PULSE_RECONNECT_SECONDS", "1"),
    ]
    .into_iter()
    .chain(more.iter().copied())
    .fold(
        Source::from_pairs::<String, String>([]),
        |source, (name, value)| source.set(name, value),
    );
    Settings::load(&source).unwrap().broker().unwrap().unwrap()
}

/// Returns a name that no other test has.
pub(crate) fn unique(kind: &str) -> String {
    format!("{kind}/pulse/test-{}", uuid::Uuid::new_v4())
}

pub(crate) fn event(exchange: &str, number: u64) -> Event {
    Event {
        exchange: exchange.to_owned(),
        routing_key: "tree.demo".to_owned(),
        payload: json!({"number": number, "text": "ü"}),
        message_id: format!("demo-{number}"),
        at: DateTime::<Utc>::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
    }
}

/// Somebody else at the broker.
pub(crate) struct Other {
    pub(crate) channel: Channel,
    connection: Connection,
}

impl Other {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self {
            channel,
            connection,
        }
    }

    /// Listens on an exchange that exists.
    pub(crate) async fn listen(&self, exchange: &str) -> lapin::Consumer {
        let queue = unique("queue");
        let (name, nothing) = (queue.as_str(), FieldTable::default);
        let options = QueueDeclareOptions {
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        self.channel
            .queue_declare(name.into(), options, nothing())
            .await
            .unwrap();
        let bind = QueueBindOptions::default();
        self.channel
            .queue_bind(name.into(), exchange.into(), "#".into(), bind, nothing())
            .await
            .unwrap();
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        self.channel
            .basic_consume(name.into(), "".into(), options, nothing())
            .await
            .unwrap()
    }

    pub(crate) async fn close(self) {
        self.connection.close(200, "done".into()).await.unwrap();
    }
}

pub(crate) async fn next(messages: &mut lapin::Consumer) -> (Value, Delivery) {
    let next = tokio::time::timeout(PATIENCE, messages.next()).await;
    let delivery = next.unwrap().unwrap().unwrap();
    (serde_json::from_slice(&delivery.data).unwrap(), delivery)
}
