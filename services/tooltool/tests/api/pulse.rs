// SPDX-License-Identifier: MPL-2.0
//! The message broker: what is told there, and what a worker does when it is told.

use std::time::Instant;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};

use crate::{App, PATIENCE, digest, entry};
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::requirement::requires;

const EXCHANGE: &str = "exchange/pulse/tooltool_api";
const QUEUE: &str = "queue/pulse/exchange/tooltool_api";
const KEY: &str = "check_file_pending_uploads";

/// Settings for the broker at a URL of the form `amqp://pulse:pulse@127.0.0.1:PORT/%2f`.
fn with_broker(builder: TestAppBuilder, url: &str) -> TestAppBuilder {
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    builder
        .set("PULSE_USER", "pulse")
        .set("PULSE_PASSWORD", "pulse")
        .set("PULSE_HOST", "127.0.0.1")
        .set("PULSE_PORT", port)
        .set("PULSE_USE_SSL", "false")
        .set("PULSE_RECONNECT_SECONDS", "1")
}

/// A party that is no tooltool.
struct Outsider {
    channel: Channel,
    _connection: Connection,
}

impl Outsider {
    async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(
                EXCHANGE.into(),
                ExchangeKind::Topic,
                durable,
                FieldTable::default(),
            )
            .await
            .unwrap();
        Self {
            channel,
            _connection: connection,
        }
    }

    /// Listens to everything on the exchange.
    async fn listen(&self) -> lapin::Consumer {
        let name = format!("queue/pulse/test-{}", uuid::Uuid::new_v4());
        let options = QueueDeclareOptions {
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let nothing = FieldTable::default;
        let queue = name.as_str();
        self.channel
            .queue_declare(queue.into(), options, nothing())
            .await
            .unwrap();
        self.channel
            .queue_bind(
                queue.into(),
                EXCHANGE.into(),
                "#".into(),
                QueueBindOptions::default(),
                nothing(),
            )
            .await
            .unwrap();
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        self.channel
            .basic_consume(queue.into(), "".into(), options, nothing())
            .await
            .unwrap()
    }

    async fn publish(&self, body: &str) {
        self.channel
            .basic_publish(
                EXCHANGE.into(),
                KEY.into(),
                BasicPublishOptions::default(),
                body.as_bytes(),
                BasicProperties::default(),
            )
            .await
            .unwrap()
            .await
            .unwrap();
    }
}

/// Waits for the message about a digest: tests share the broker.
async fn message_about(
    digest: &str,
    messages: &mut lapin::Consumer,
) -> (Value, lapin::message::Delivery) {
    loop {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await;
        let delivery = next.expect("a message in time").unwrap().unwrap();
        let body: Value = serde_json::from_slice(&delivery.data).unwrap();
        if body["payload"]["digest"] == digest {
            return (body, delivery);
        }
    }
}

#[actix_web::test]
async fn the_end_of_an_upload_is_told_in_the_envelope_of_the_predecessor() {
    let Some(url) = requires("rabbitmq") else {
        return;
    };
    for backend in backends() {
        let outsider = Outsider::connect(&url).await;
        let mut messages = outsider.listen().await;
        let app = App::started(with_broker(App::builder(backend), &url).without_workers()).await;
        let bytes = format!("told {}", uuid::Uuid::new_v4()).into_bytes();
        let digest = digest(&bytes);
        app.send("a", entry(&bytes), &bytes).await;
        app.complete(&digest).await;
        let (body, delivery) = message_about(&digest, &mut messages).await;
        let sent = body["_meta"]["sent"].as_str().unwrap().to_owned();
        assert_eq!(
            body,
            json!({
                "payload": {"digest": digest},
                "_meta": {
                    "exchange": EXCHANGE, "routing_key": KEY, "serializer": "json", "sent": sent,
                },
            })
        );
        let form = "%Y-%m-%dT%H:%M:%S%.6f";
        assert!(
            chrono::NaiveDateTime::parse_from_str(&sent, form).is_ok(),
            "{sent}"
        );
        assert_eq!(delivery.exchange.as_str(), EXCHANGE);
        assert_eq!(delivery.routing_key.as_str(), KEY);
        let properties = &delivery.properties;
        assert_eq!(
            properties.content_type().as_ref().map(|t| t.as_str()),
            Some("application/json")
        );
        assert_eq!(*properties.delivery_mode(), Some(2));
    }
}

#[actix_web::test]
async fn a_worker_does_what_it_is_told_by_whoever_tells_it() {
    let Some(url) = requires("rabbitmq") else {
        return;
    };
    // The schedule would come in ten minutes, and nobody calls the completion of this process.
    let builder = App::builder(Backend::Sqlite).set("CHECK_PENDING_INTERVAL_SECONDS", "600");
    let app = App::started(with_broker(builder, &url)).await;
    let outsider = Outsider::connect(&url).await;
    let bytes = format!("asked {}", uuid::Uuid::new_v4()).into_bytes();
    let digest = digest(&bytes);
    app.send("a", entry(&bytes), &bytes).await;
    for nonsense in [
        "",
        "[]",
        "{\"payload\": 1}",
        "{\"payload\": {\"digest\": \"x\"}}",
    ] {
        outsider.publish(nonsense).await;
    }
    let message = json!({"payload": {"digest": digest}, "_meta": {"serializer": "json"}});
    // The queue is declared by the worker, which may still be on its way; other tests have workers
    // that listen on it as well, and know nothing of this file.
    eventually(PATIENCE, || async {
        outsider.publish(&message.to_string()).await;
        (app.file(&digest).await["has_instances"] == true).then_some(())
    })
    .await;
    let declared = outsider
        .channel
        .queue_declare(
            QUEUE.into(),
            QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            },
            FieldTable::default(),
        )
        .await;
    assert!(
        declared.is_ok(),
        "the queue has the name of the predecessor's"
    );
}

#[actix_web::test]
async fn a_broker_that_is_away_is_said_by_the_heartbeat_and_holds_nobody_up() {
    let builder = App::builder(Backend::Sqlite);
    let app = App::started(with_broker(builder, "amqp://pulse:pulse@127.0.0.1:9/%2f")).await;
    let beat = app.anonymous().get("/__heartbeat__").await;
    assert_eq!(
        (beat.status, beat.json()),
        (
            502,
            json!({"pulse": "Cannot connect to pulse the service."})
        )
    );
    app.send("a", entry(b"x"), b"x").await;
    app.complete(&digest(b"x")).await;
    let begun = Instant::now();
    let path = format!("/upload/complete/sha512/{}", digest(b"x"));
    assert_eq!(app.anonymous().get(&path).await.status, 202);
    assert!(begun.elapsed() < PATIENCE);
    // The queue in the database does it anyway.
    app.verified(&digest(b"x")).await;
}

#[actix_web::test]
async fn without_a_broker_nothing_is_said_of_one() {
    let with = |switch: &str| {
        with_broker(App::builder(Backend::Sqlite), "amqp://x@127.0.0.1:9/%2f")
            .set("DISABLE_PULSE", switch)
    };
    for builder in [App::builder(Backend::Sqlite), with("1"), with("true")] {
        let app = App::started(builder).await;
        let beat = app.anonymous().get("/__heartbeat__").await;
        assert_eq!((beat.status, beat.text()), (200, "OK".to_owned()));
    }
}
