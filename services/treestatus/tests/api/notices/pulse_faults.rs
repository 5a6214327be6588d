// SPDX-License-Identifier: MPL-2.0
//! A broker that is down, hangs or loses its answers: messages come later, in order and with the same
//! ids, and nobody else notices.

use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::wire::{Passage, Wire};

use super::listener::{Listener, assert_chain};
use super::{PATIENCE, broker, exchange, port_of, pulse_settings, start, waiting};

/// Closes and opens a tree in turns, `count` times.
async fn flip(app: &crate::App, count: usize) {
    for n in 0..count {
        let (status, tags): (_, &[&str]) = if n % 2 == 0 {
            ("closed", &["infra"])
        } else {
            ("open", &[])
        };
        app.set(&["a"], status, &n.to_string(), tags).await;
    }
}

fn wire(url: &str, passage: Passage) -> Wire {
    Wire::start(&format!("127.0.0.1:{}", port_of(url)), passage)
}

#[actix_web::test]
async fn messages_wait_for_a_broker_that_is_down_from_the_start() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let wire = wire(&url, Passage::Closed);
        let mut settings = pulse_settings(wire.port(), &exchange);
        settings.push(("OUTBOX_WARN_SECONDS", "1".to_owned()));
        let app = start(backend, &settings).await;
        app.tree("a").await;
        flip(&app, 6).await;
        let database = app.0.database.url();
        assert_eq!(waiting(database).await, 6);
        let outbox = eventually(PATIENCE, || async {
            let heartbeat = app.heartbeat().await;
            assert_eq!(heartbeat["checks"]["db"], "ok");
            assert_eq!(heartbeat["checks"]["pulse"], "warning");
            assert_eq!(heartbeat["status"], "warning");
            let text = &heartbeat["details"]["outbox"]["messages"]["releng.health.outbox"];
            text.as_str().map(str::to_owned)
        });
        let text = outbox.await;
        assert!(
            text.starts_with("6 messages wait for pulse, the oldest for "),
            "{text}"
        );
        wire.set(Passage::All);
        listener.until(6).await;
        assert_chain(&listener.about("a"));
        eventually(PATIENCE, || async {
            (app.heartbeat().await["status"] == "ok").then_some(())
        })
        .await;
    }
}

#[actix_web::test]
async fn messages_wait_for_a_broker_that_goes_away_or_hangs_in_between() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        for passage in [Passage::Closed, Passage::Nothing] {
            let exchange = exchange();
            let mut listener = Listener::start(&url, &exchange).await;
            let wire = wire(&url, Passage::All);
            let app = start(backend, &pulse_settings(wire.port(), &exchange)).await;
            app.tree("a").await;
            flip(&app, 2).await;
            listener.until(2).await;
            wire.set(passage);
            // Answered while the broker is away.
            flip(&app, 4).await;
            assert!(waiting(app.0.database.url()).await >= 4);
            wire.set(Passage::All);
            listener.until(6).await;
            assert_eq!(listener.about("a").len(), 6);
            assert_chain(&listener.about("a"));
        }
    }
}

#[actix_web::test]
async fn a_message_whose_receipt_is_lost_comes_again_with_the_same_id() {
    let Some(url) = broker() else { return };
    let exchange = exchange();
    let mut listener = Listener::start(&url, &exchange).await;
    let wire = wire(&url, Passage::All);
    let app = start(Backend::Sqlite, &pulse_settings(wire.port(), &exchange)).await;
    app.tree("a").await;
    flip(&app, 1).await;
    listener.until(1).await;
    let database = app.0.database.url();
    // Its receipt must have come before the next ones are held.
    eventually(PATIENCE, || async {
        (waiting(database).await == 0).then_some(())
    })
    .await;
    wire.set(Passage::Questions);
    app.set(&["a"], "open", "r", &[]).await;
    let told = listener.next().await;
    assert_eq!(told.payload("status_to"), "open");
    // It was taken, and the sender gives the connection up that does not say so.
    eventually(PATIENCE, || async {
        (app.heartbeat().await["checks"]["pulse"] == "warning").then_some(())
    })
    .await;
    assert_eq!(waiting(database).await, 1);
    wire.set(Passage::All);
    assert_eq!(listener.next().await.id, told.id);
    app.set(&["a"], "closed", "r", &["infra"]).await;
    listener.until(3).await;
    assert_chain(&listener.about("a"));
}
