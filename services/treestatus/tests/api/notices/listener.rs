// SPDX-License-Identifier: MPL-2.0
//! Somebody who listens at the broker.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;

use super::PATIENCE;

/// A queue bound to everything of one exchange.
pub(super) struct Listener {
    messages: lapin::Consumer,
    /// What came, in order, repetitions included.
    pub(super) heard: Vec<Heard>,
    _connection: Connection,
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) routing_key: String,
    pub(super) media_type: String,
    pub(super) delivery_mode: Option<u8>,
    pub(super) body: Value,
}

impl Heard {
    pub(super) fn payload(&self, name: &str) -> &str {
        self.body["payload"][name].as_str().unwrap()
    }

    pub(super) fn tree(&self) -> &str {
        self.body["payload"]["tree"]["tree"].as_str().unwrap()
    }
}

impl Listener {
    /// Listens at the broker of the run.
    pub(super) async fn start(url: &str, exchange: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let nothing = FieldTable::default;
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, nothing())
            .await
            .unwrap();
        let name = format!("queue/pulse/test-{}", uuid::Uuid::new_v4());
        let name = name.as_str();
        let fleeting = QueueDeclareOptions {
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(name.into(), fleeting, nothing())
            .await
            .unwrap();
        let bind = QueueBindOptions::default();
        channel
            .queue_bind(name.into(), exchange.into(), "#".into(), bind, nothing())
            .await
            .unwrap();
        let unasked = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let messages = channel
            .basic_consume(name.into(), "".into(), unasked, nothing())
            .await
            .unwrap();
        Self {
            messages,
            heard: Vec::new(),
            _connection: connection,
        }
    }

    /// Waits for the next message.
    pub(super) async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.messages.next()).await;
        let delivery = next.unwrap().unwrap().unwrap();
        let text = |value: &Option<lapin::types::ShortString>| {
            value.as_ref().map(|v| v.as_str().to_owned()).unwrap()
        };
        let heard = Heard {
            id: text(delivery.properties.message_id()),
            routing_key: delivery.routing_key.as_str().to_owned(),
            media_type: text(delivery.properties.content_type()),
            delivery_mode: *delivery.properties.delivery_mode(),
            body: serde_json::from_slice(&delivery.data).unwrap(),
        };
        self.heard.push(heard.clone());
        heard
    }

    /// Waits until so many different messages have come.
    pub(super) async fn until(&mut self, count: usize) {
        while self.ids().len() < count {
            self.next().await;
        }
    }

    /// Returns the ids of the messages about all trees, in the order in which each came first.
    pub(super) fn ids(&self) -> Vec<String> {
        self.first().map(|heard| heard.id.clone()).collect()
    }

    /// Returns the messages about one tree, each once.
    pub(super) fn about(&self, tree: &str) -> Vec<Heard> {
        self.first()
            .filter(|heard| heard.tree() == tree)
            .cloned()
            .collect()
    }

    fn first(&self) -> impl Iterator<Item = &Heard> {
        let mut seen = BTreeSet::new();
        self.heard
            .iter()
            .filter(move |heard| seen.insert(heard.id.clone()))
    }
}

/// Checks that messages about one tree tell its story without a gap.
pub(super) fn assert_chain(messages: &[Heard]) {
    for pair in messages.windows(2) {
        assert_eq!(
            pair[0].payload("status_to"),
            pair[1].payload("status_from"),
            "{} and {}",
            pair[0].id,
            pair[1].id
        );
    }
}
