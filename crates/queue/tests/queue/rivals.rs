// SPDX-License-Identifier: MPL-2.0
//! Several processes on one database, as handles with pools of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use releng_common::Clock;
use releng_queue::{Depth, Done, Job, Message, Options, Queue as _, consume, suite};
use releng_testkit::poll::eventually;
use tokio_util::sync::CancellationToken;

use crate::databases::{self, Database};

const MINUTE: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_of_one_database_run_each_job_once() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let sender = databases::roomy_queue(database.connect(), &clock);
        let runs = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
        let cancel = CancellationToken::new();
        let options = Options {
            concurrency: 3,
            poll_interval: Duration::from_millis(5),
            ..Options::default()
        };
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                let queue = databases::roomy_queue(database.connect(), &clock);
                let runs = Arc::clone(&runs);
                let handler = move |message: Message| {
                    *runs.lock().unwrap().entry(message.body).or_default() += 1;
                    async { Ok(Done::Finished) }
                };
                tokio::spawn(consume(Arc::new(queue), options, cancel.clone(), handler))
            })
            .collect();
        for number in 0..60 {
            sender.send(Job::new(number.to_string())).await.unwrap();
        }
        eventually(DEADLINE, || async {
            (sender.depth().await.unwrap() == Depth::default()).then_some(())
        })
        .await;
        cancel.cancel();
        for consumer in consumers {
            consumer.await.unwrap().unwrap();
        }
        let expected: BTreeMap<_, _> = (0..60).map(|number| (number.to_string(), 1)).collect();
        assert_eq!(*runs.lock().unwrap(), expected, "{:?}", database.backend());
    }
}

/// The unique index meets a failing job and a new one with its key at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_while_its_key_is_sent_leaves_one_waiting() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let (queue, rival) = (database.queue(&clock), database.queue(&clock));
        let job = Job::new("x").with_dedup_key("k");
        queue.send(job.clone()).await.unwrap();
        for _ in 0..40 {
            let message = queue.receive(10, MINUTE).await.unwrap().remove(0);
            let (failed, sent) = tokio::join!(
                tokio::spawn({
                    let queue = queue.clone();
                    async move { queue.release(&message.receipt, Duration::ZERO).await }
                }),
                tokio::spawn({
                    let (rival, job) = (rival.clone(), job.clone());
                    async move { rival.send(job).await }
                }),
            );
            assert!(failed.unwrap().unwrap());
            sent.unwrap().unwrap();
            let depth = queue.depth().await.unwrap();
            assert_eq!(
                depth,
                Depth {
                    ready: 1,
                    ..Depth::default()
                },
                "{:?}",
                database.backend()
            );
        }
    }
}

/// Each taker gets the job or leaves it; no send is lost and none is an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_sent_while_its_predecessor_is_taken_is_run_afterwards() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let (queue, rival) = (database.queue(&clock), database.queue(&clock));
        let job = Job::new("x").with_dedup_key("k");
        for _ in 0..40 {
            queue.send(job.clone()).await.unwrap();
            let (taken, sent) = tokio::join!(
                tokio::spawn({
                    let queue = queue.clone();
                    async move { queue.receive(10, MINUTE).await }
                }),
                tokio::spawn({
                    let (rival, job) = (rival.clone(), job.clone());
                    async move { rival.send(job).await }
                }),
            );
            let mut messages = taken.unwrap().unwrap();
            let is_merged = sent.unwrap().unwrap() == releng_queue::Sent::Merged;
            let is_taken_first = !is_merged && messages.len() == 1;
            let rest = queue.receive(10, MINUTE).await.unwrap();
            if is_taken_first {
                assert_eq!(rest.len(), 1, "{:?}", database.backend());
            }
            messages.extend(rest);
            assert_eq!(
                messages.len(),
                if is_merged { 1 } else { 2 },
                "{:?}",
                database.backend()
            );
            for message in messages {
                assert!(queue.delete(&message.receipt).await.unwrap());
            }
        }
    }
}
