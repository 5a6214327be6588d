// SPDX-License-Identifier: MPL-2.0
//! What arrives of what is published, and what is said of what does not.

use lapin::ExchangeKind;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use releng_common::Kind;
use releng_events::Publisher as _;
use releng_events::pulse::{Publisher, background};
use releng_testkit::poll::eventually;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::broker::{Other, event, next, settings, unique, url};

#[tokio::test]
async fn an_event_arrives_whole_persistent_and_in_its_envelope() {
    let Some(url) = url() else { return };
    let (exchange, publisher) = (unique("exchange"), Publisher::new(settings(&url, &[])));
    publisher.check().await.unwrap();
    // Nobody listens: that is fine. The exchange is there from now on.
    publisher.publish(&event(&exchange, 0)).await.unwrap();
    let other = Other::connect(&url).await;
    let mut messages = other.listen(&exchange).await;
    for number in 1..=3 {
        publisher.publish(&event(&exchange, number)).await.unwrap();
        let (body, delivery) = next(&mut messages).await;
        assert_eq!(
            body,
            json!({
                "payload": {"number": number, "text": "ü"},
                "_meta": {
                    "exchange": exchange, "routing_key": "tree.demo", "serializer": "json",
                    "sent": "2023-11-14T22:13:20.000001",
                },
            })
        );
        assert_eq!(delivery.exchange.as_str(), exchange);
        assert_eq!(delivery.routing_key.as_str(), "tree.demo");
        let properties = delivery.properties;
        let text = |value: &Option<lapin::types::ShortString>| {
            value.as_ref().map(|v| v.as_str().to_owned()).unwrap()
        };
        assert_eq!(text(properties.content_type()), "application/json");
        assert_eq!(text(properties.message_id()), format!("demo-{number}"));
        assert_eq!(*properties.delivery_mode(), Some(2));
    }
    // The exchange is a durable topic exchange: declaring it as such is no contradiction.
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let again = other.channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Topic,
        durable,
        FieldTable::default(),
    );
    again.await.unwrap();
    publisher.close().await;
    other.close().await;
}

#[tokio::test]
async fn an_exchange_that_exists_otherwise_is_used_as_it_is() {
    let Some(url) = url() else { return };
    let exchange = unique("exchange");
    let other = Other::connect(&url).await;
    let fleeting = ExchangeDeclareOptions::default();
    let declare = other.channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Fanout,
        fleeting,
        FieldTable::default(),
    );
    declare.await.unwrap();
    let mut messages = other.listen(&exchange).await;
    let publisher = Publisher::new(settings(&url, &[]));
    publisher.publish(&event(&exchange, 1)).await.unwrap();
    publisher.publish(&event(&exchange, 2)).await.unwrap();
    assert_eq!(next(&mut messages).await.0["payload"]["number"], 1);
    assert_eq!(next(&mut messages).await.0["payload"]["number"], 2);
}

#[tokio::test]
async fn a_foreign_exchange_is_refused_and_ours_still_works() {
    let Some(url) = url() else { return };
    let publisher = Publisher::new(settings(&url, &[]));
    let error = publisher
        .publish(&event("exchange/somebody/x", 1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.chain().contains("ACCESS"), "{}", error.chain());
    publisher
        .publish(&event(&unique("exchange"), 2))
        .await
        .unwrap();
}

#[tokio::test]
async fn wrong_credentials_and_a_closed_port_are_said_in_time() {
    let Some(url) = url() else { return };
    let wrong = Publisher::new(settings(&url, &[("PULSE_PASSWORD", "hush-hush")]));
    let error = wrong
        .publish(&event(&unique("exchange"), 1))
        .await
        .unwrap_err();
    assert_eq!(error.message(), "the message broker does not answer");
    assert!(!error.chain().contains("hush-hush"), "{}", error.chain());
    let nobody = Publisher::new(settings(&url, &[("PULSE_PORT", "9")]));
    assert_eq!(nobody.check().await.unwrap_err().kind(), Kind::Unavailable);
}

/// A server that takes the connection and says nothing.
#[tokio::test]
async fn a_broker_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let more = [
        ("PULSE_PORT", port.as_str()),
        ("PULSE_CONNECTION_TIMEOUT", "1"),
    ];
    let publisher = Publisher::new(settings("amqp://x@127.0.0.1:1/%2f", &more));
    let error = publisher
        .publish(&event("exchange/pulse/x", 1))
        .await
        .unwrap_err();
    assert_eq!(error.message(), "the message broker does not answer");
}

#[tokio::test]
async fn what_is_offered_is_published_apart_and_before_the_end() {
    let Some(url) = url() else { return };
    let exchange = unique("exchange");
    let first = Publisher::new(settings(&url, &[]));
    first.publish(&event(&exchange, 0)).await.unwrap();
    let other = Other::connect(&url).await;
    let mut messages = other.listen(&exchange).await;
    let publishing = background(Publisher::new(settings(&url, &[])));
    publishing.check().await.unwrap();
    for number in 1..=20 {
        publishing.offer(event(&exchange, number));
    }
    let stop = CancellationToken::new();
    // Cancelled before it began: what waits goes out nevertheless.
    stop.cancel();
    publishing.run(stop).await;
    for number in 1..=20 {
        assert_eq!(next(&mut messages).await.0["payload"]["number"], number);
    }
}

#[tokio::test]
async fn what_cannot_be_published_is_dropped_and_nobody_waits() {
    let more = [("PULSE_PORT", "9"), ("PULSE_CONNECTION_TIMEOUT", "1")];
    let publishing = background(Publisher::new(settings("amqp://x@127.0.0.1:9/%2f", &more)));
    for number in 0..2000 {
        publishing.offer(event("exchange/pulse/x", number));
    }
    let stop = CancellationToken::new();
    let (running, ended) = (publishing.clone(), stop.clone());
    let task = tokio::spawn(async move { running.run(ended).await });
    stop.cancel();
    eventually(PATIENCE, || async { task.is_finished().then_some(()) }).await;
}
