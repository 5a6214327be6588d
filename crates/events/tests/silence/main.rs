// SPDX-License-Identifier: MPL-2.0
//! A broker that takes connections and says nothing costs nothing that lasts. Threads of the whole
//! process are counted, so this is a binary with one test.
#![expect(clippy::unwrap_used, reason = "every line of this binary is a test")]

#[path = "../pulse/broker.rs"]
#[expect(dead_code, reason = "the other binary needs more of it")]
mod broker;

use std::time::Duration;

use broker::{event, settings, unique, url};
use releng_events::Publisher as _;
use releng_events::pulse::Publisher;
use releng_testkit::poll::eventually;
use releng_testkit::wire::{Passage, Wire};

const PATIENCE: Duration = Duration::from_secs(60);

/// Returns how many threads of the client library there are.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin")).count()
}

async fn assert_none_left(publisher: &Publisher) {
    for _ in 0..3 {
        let error = publisher.publish(&event("exchange/pulse/x", 1)).await;
        assert!(error.is_err());
    }
    eventually(PATIENCE, || async { (threads() == 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_says_nothing_costs_no_thread() {
    for tls in ["false", "true"] {
        let wire = Wire::start("127.0.0.1:9", Passage::Nothing);
        let address = format!("amqp://pulse:pulse@127.0.0.1:{}/%2f", wire.port());
        let own = [("PULSE_CONNECTION_TIMEOUT", "1"), ("PULSE_USE_SSL", tls)];
        assert_none_left(&Publisher::new(settings(&address, &own))).await;
    }
    let Some(url) = url() else { return };
    let (wire, by_wire) = Wire::to_url(&url, Passage::All);
    let publisher = Publisher::new(settings(&by_wire, &[("PULSE_CONNECTION_TIMEOUT", "1")]));
    publisher
        .publish(&event(&unique("exchange"), 1))
        .await
        .unwrap();
    assert_ne!(threads(), 0, "threads are recognised by their name");
    wire.set(Passage::Questions);
    assert_none_left(&publisher).await;
    wire.set(Passage::All);
    publisher
        .publish(&event(&unique("exchange"), 2))
        .await
        .unwrap();
}
