// SPDX-License-Identifier: MPL-2.0
//! Background work of one process: a consumer of the queue, and the schedule.

use std::sync::Arc;
use std::time::Duration;

use releng_common::Result;
use releng_common::run::Worker;
use releng_queue::Options;
use tokio_util::sync::CancellationToken;

use crate::pulse::{self, Pulse};
use crate::{State, ops};

/// Returns the loops that the run loop starts beside the server.
pub(crate) fn workers(state: &Arc<State>) -> Vec<Worker> {
    let (jobs, schedule, broker) = (Arc::clone(state), Arc::clone(state), Arc::clone(state));
    vec![
        Worker::new("jobs", |cancel| consume(jobs, cancel)),
        Worker::new("schedule", |cancel| schedule_until(schedule, cancel)),
        Worker::new("pulse", |cancel| listen(broker, cancel)),
    ]
}

/// Returns what publishes, in every process that answers requests.
pub(crate) fn companions(state: &Arc<State>) -> Vec<Worker> {
    let publish = |pulse: &Pulse| {
        let publishing = pulse.publishing().clone();
        Worker::new("publisher", move |cancel| async move {
            publishing.run(cancel).await;
        })
    };
    state.pulse.iter().map(publish).collect()
}

/// Runs all loops until `cancel`.
pub(crate) async fn work_until(state: Arc<State>, cancel: CancellationToken) {
    tokio::join!(
        consume(Arc::clone(&state), cancel.clone()),
        listen(Arc::clone(&state), cancel.clone()),
        schedule_until(state, cancel),
    );
}

async fn consume(state: Arc<State>, cancel: CancellationToken) {
    let options = Options {
        concurrency: state.settings.own.worker_jobs,
        time_limit: Duration::from_secs(state.settings.own.worker_time_limit_secs),
        ..Options::default()
    };
    let queue = Arc::new(state.queue.clone());
    let handler = move |message: releng_queue::Message| {
        let state = Arc::clone(&state);
        async move { ops::work_run(&state, &message.body).await }
    };
    if let Err(error) = releng_queue::consume(queue, options, cancel, handler).await {
        tracing::error!(error = error.chain(), "the queue cannot be worked off");
    }
}

/// Checks what messages of the broker name, where there is one.
async fn listen(state: Arc<State>, cancel: CancellationToken) {
    let Some(pulse) = &state.pulse else { return };
    let (broker, binding) = (pulse.broker().clone(), pulse.binding());
    let state = &state;
    let check = move |payload: serde_json::Value| async move {
        match pulse::digest_in(&payload) {
            Some(digest) => ops::pending_check_told(state, &digest).await,
            None => tracing::warn!("a message names no digest"),
        }
    };
    // A check streams through a store: its state is too large for the stack of whoever waits.
    Box::pin(releng_events::pulse::consume(
        broker, binding, cancel, check,
    ))
    .await;
}

/// Looks for work at once and then in intervals: whatever a killed process left is found again.
async fn schedule_until(state: Arc<State>, cancel: CancellationToken) {
    let own = &state.settings.own;
    let mut check = interval(own.check_interval_secs);
    let mut replicate = interval(own.replicate_interval_secs);
    loop {
        let (name, result): (_, Result<()>) = tokio::select! {
            () = cancel.cancelled() => return,
            _ = check.tick() => ("check", ops::check_schedule(&state).await),
            _ = replicate.tick() => ("replicate", ops::replicate_schedule(&state).await),
        };
        if let Err(error) = result {
            tracing::warn!(schedule = name, error = error.chain(), "schedule failed");
        }
    }
}

fn interval(secs: u64) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(Duration::from_secs(secs));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}
