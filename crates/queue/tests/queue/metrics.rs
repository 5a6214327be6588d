// SPDX-License-Identifier: MPL-2.0
//! What a queue reports about itself.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use releng_common::{Clock, Error};
use releng_queue::{
    Done, Handle, Job, Limits, MemoryQueue, Message, Options, Queue as _, consume, suite,
};
use releng_testkit::poll::eventually;
use tokio_util::sync::CancellationToken;

/// On one thread, because the recorder is one thread's.
#[tokio::test]
async fn jobs_are_counted_by_what_became_of_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let report = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let limits = Limits {
        max_attempts: 1,
        ..suite::limits()
    };
    let queue = Arc::new(MemoryQueue::new("demo", Clock::frozen(suite::start()), limits).unwrap());
    let cancel = CancellationToken::new();
    let handler = |message: Message| async move {
        match message.body.as_str() {
            "bad" => Err(Error::internal("demo")),
            _ => Ok(Done::Finished),
        }
    };
    for body in ["good", "good", "bad"] {
        queue.send(Job::new(body)).await.unwrap();
    }
    queue
        .send(Job::new("keyed").with_dedup_key("k"))
        .await
        .unwrap();
    queue
        .send(Job::new("keyed").with_dedup_key("k"))
        .await
        .unwrap();
    let handle: Handle = queue.clone();
    let consumer = tokio::spawn(consume(handle, Options::default(), cancel.clone(), handler));
    eventually(Duration::from_secs(60), || async {
        let depth = queue.depth().await.unwrap();
        (depth.ready + depth.in_flight == 0).then_some(())
    })
    .await;
    cancel.cancel();
    consumer.await.unwrap().unwrap();
    let report = report.render();
    for line in [
        "queue_sent{queue=\"demo\"} 4",
        "queue_merged{queue=\"demo\"} 1",
        "queue_done{queue=\"demo\"} 3",
        "queue_failed{queue=\"demo\"} 1",
        "queue_dead{queue=\"demo\"} 1",
        "queue_running{queue=\"demo\"} 0",
        "queue_run_count{queue=\"demo\"} 4",
    ] {
        assert!(
            report.lines().any(|known| known == line),
            "{line} is not in:\n{report}"
        );
    }
}
