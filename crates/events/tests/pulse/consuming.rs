// SPDX-License-Identifier: MPL-2.0
//! Reading a queue: what is handled, what comes again, and what happens after a lost connection.

use std::sync::{Arc, Mutex};

use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use releng_events::Publisher as _;
use releng_events::pulse::{Binding, Publisher, consume};
use releng_testkit::poll::eventually;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::broker::{Other, event, place, settings, unique, url};

fn binding() -> Binding {
    Binding {
        exchange: unique("exchange"),
        routing_key: "tree.demo".to_owned(),
        queue: unique("queue"),
    }
}

/// A consumer in the background that notes what it handles.
struct Consumer {
    handled: Arc<Mutex<Vec<Value>>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Consumer {
    fn start(broker: releng_events::pulse::Broker, binding: &Binding) -> Self {
        let (handled, stop) = (
            Arc::<Mutex<Vec<Value>>>::default(),
            CancellationToken::new(),
        );
        let (notes, cancel, binding) = (Arc::clone(&handled), stop.clone(), binding.clone());
        let task = tokio::spawn(async move {
            consume(broker, binding, cancel, |payload| {
                notes.lock().unwrap().push(payload);
                std::future::ready(())
            })
            .await;
        });
        Self {
            handled,
            stop,
            task,
        }
    }

    fn handled(&self) -> Vec<Value> {
        self.handled.lock().unwrap().clone()
    }

    async fn has(&self, count: usize) -> Vec<Value> {
        eventually(PATIENCE, || async {
            (self.handled().len() >= count).then_some(())
        })
        .await;
        self.handled()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Waits until the queue is there, and returns how many messages wait in it.
async fn waiting(url: &str, queue: &str) -> u32 {
    eventually(PATIENCE, || async {
        let other = Other::connect(url).await;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let found = other
            .channel
            .queue_declare(queue.into(), passive, FieldTable::default());
        let count = found.await.ok()?.message_count();
        other.close().await;
        Some(count)
    })
    .await
}

#[tokio::test]
async fn messages_of_the_routing_key_are_handled_in_order_and_nonsense_is_thrown_away() {
    let Some(url) = url() else { return };
    let binding = binding();
    let consumer = Consumer::start(settings(&url, &[]), &binding);
    waiting(&url, &binding.queue).await;
    let publisher = Publisher::new(settings(&url, &[]));
    let other = Other::connect(&url).await;
    // Bound only after it is declared: the first ones may still miss it.
    eventually(PATIENCE, || async {
        publisher
            .publish(&event(&binding.exchange, 0))
            .await
            .unwrap();
        (!consumer.handled().is_empty()).then_some(())
    })
    .await;
    for number in 1..=3 {
        let mut elsewhere = event(&binding.exchange, 100);
        elsewhere.routing_key = "tree.other".to_owned();
        publisher.publish(&elsewhere).await.unwrap();
        for body in ["", "not JSON", "[]", "{}"] {
            publish_raw(&other, &binding, body).await;
        }
        publisher
            .publish(&event(&binding.exchange, number))
            .await
            .unwrap();
    }
    let last = json!({"number": 3, "text": "ü"});
    eventually(PATIENCE, || async {
        (consumer.handled().last() == Some(&last)).then_some(())
    })
    .await;
    let numbers: Vec<Value> = consumer
        .handled()
        .iter()
        .map(|p| p["number"].clone())
        .collect();
    let later: Vec<&Value> = numbers.iter().filter(|n| **n != json!(0)).collect();
    assert_eq!(later, [&json!(1), &json!(2), &json!(3)]);
    consumer.end().await;
    assert_eq!(
        waiting(&url, &binding.queue).await,
        0,
        "all were acknowledged"
    );
}

async fn publish_raw(other: &Other, binding: &Binding, body: &str) {
    let publish = other.channel.basic_publish(
        binding.exchange.as_str().into(),
        binding.routing_key.as_str().into(),
        lapin::options::BasicPublishOptions::default(),
        body.as_bytes(),
        lapin::BasicProperties::default(),
    );
    publish.await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_message_whose_handler_never_ended_comes_again() {
    let Some(url) = url() else { return };
    let binding = binding();
    // Makes exchange, queue and binding.
    Consumer::start(settings(&url, &[]), &binding)
        .end_when_there(&url, &binding)
        .await;
    let publisher = Publisher::new(settings(&url, &[]));
    publisher
        .publish(&event(&binding.exchange, 7))
        .await
        .unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let (told, broker, bound) = (Arc::clone(&begun), settings(&url, &[]), binding.clone());
    let cut = tokio::spawn(async move {
        consume(broker, bound, CancellationToken::new(), |_| {
            told.notify_one();
            std::future::pending()
        })
        .await;
    });
    begun.notified().await;
    cut.abort();
    let _ = cut.await;
    let consumer = Consumer::start(settings(&url, &[]), &binding);
    assert_eq!(consumer.has(1).await, [json!({"number": 7, "text": "ü"})]);
    consumer.end().await;
}

impl Consumer {
    async fn end_when_there(self, url: &str, binding: &Binding) {
        let publisher = Publisher::new(settings(url, &[]));
        eventually(PATIENCE, || async {
            publisher
                .publish(&event(&binding.exchange, 0))
                .await
                .unwrap();
            (!self.handled().is_empty()).then_some(())
        })
        .await;
        self.end().await;
        let other = Other::connect(url).await;
        let purge = QueuePurgeOptions::default();
        other
            .channel
            .queue_purge(binding.queue.as_str().into(), purge)
            .await
            .unwrap();
        other.close().await;
    }
}

/// A way to the broker that can be cut.
struct Bridge {
    port: String,
    cut: tokio::sync::watch::Sender<u32>,
}

impl Bridge {
    async fn open(to: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let cut = tokio::sync::watch::Sender::new(0);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut cut, to) = (cuts.subscribe(), to.clone());
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(to).await else {
                        return;
                    };
                    let pass = tokio::io::copy_bidirectional(&mut client, &mut server);
                    tokio::select! {
                        _ = pass => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, cut }
    }

    fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

#[tokio::test]
async fn after_a_lost_connection_both_sides_connect_again() {
    let Some(url) = url() else { return };
    let (host, port) = place(&url);
    let bridge = Bridge::open(format!("{host}:{port}")).await;
    let through = || settings(&url, &[("PULSE_PORT", bridge.port.as_str())]);
    let binding = binding();
    let consumer = Consumer::start(through(), &binding);
    let publisher = Publisher::new(through());
    for number in 1..=3 {
        // At least once: what was in flight when the connection broke is told again.
        eventually(PATIENCE, || async {
            let _ = publisher.publish(&event(&binding.exchange, number)).await;
            let is_it = |payload: &Value| payload["number"] == number;
            consumer.handled().iter().any(is_it).then_some(())
        })
        .await;
        bridge.cut();
    }
    consumer.end().await;
}
