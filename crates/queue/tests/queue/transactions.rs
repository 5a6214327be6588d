// SPDX-License-Identifier: MPL-2.0
//! Jobs that belong to a change of the service's own tables.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use releng_common::{Clock, Error, Kind};
use releng_db::Failure;
use releng_queue::{Depth, Job, Queue as _, Sent, send_in_txn, suite};
use releng_testkit::database::Backend;

use crate::databases::{self, Database};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_job_exists_exactly_if_its_transaction_commits() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let db = database.connect();
        let queue = databases::queue(db.clone(), &clock);
        let inner = queue.clone();
        let refused = db.write(move |conn| -> Result<(), Failure> {
            assert_eq!(
                inner.send_in_txn(conn, &Job::new("never")).unwrap(),
                Sent::Added
            );
            Err(Error::not_found("No such tree").into())
        });
        assert_eq!(refused.await.unwrap_err().message(), "No such tree");
        assert_eq!(queue.depth().await.unwrap(), Depth::default());

        let inner = queue.clone();
        let sent = db
            .write(move |conn| inner.send_in_txn(conn, &Job::new("method")))
            .await;
        assert_eq!(sent.unwrap(), Sent::Added);
        let now = clock.now();
        let job = Job::new("function").with_dedup_key("k");
        let sent = db.write(move |conn| {
            Ok((
                send_in_txn(conn, "demo", &job, now)?,
                send_in_txn(conn, "demo", &job, now)?,
            ))
        });
        assert_eq!(sent.await.unwrap(), (Sent::Added, Sent::Merged));
        let messages = queue.receive(10, MINUTE).await.unwrap();
        let bodies: Vec<_> = messages.into_iter().map(|message| message.body).collect();
        assert_eq!(bodies, ["method", "function"]);
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_inside_a_transaction_too() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let db = database.connect();
        let queue = databases::queue(db.clone(), &clock);
        let now = clock.now();
        let sends = [
            ("demo", Job::new("a\0b"), "body: must not contain U+0000"),
            (
                "",
                Job::new("x"),
                "queue name: must be 1 to 100 of a-z, 0-9, `.`, `_` and `-`",
            ),
        ];
        for (name, job, message) in sends {
            let sent = db
                .write(move |conn| send_in_txn(conn, name, &job, now))
                .await;
            let error = sent.unwrap_err();
            assert_eq!(
                (error.kind(), error.message()),
                (Kind::InvalidInput, message)
            );
        }
        for number in 0..20 {
            queue.send(Job::new(number.to_string())).await.unwrap();
        }
        let inner = queue.clone();
        let sent = db
            .write(move |conn| inner.send_in_txn(conn, &Job::new("x")))
            .await;
        let error = sent.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Unavailable, "queue demo is full")
        );
    }
}

#[tokio::test]
async fn an_accepted_job_survives_its_process() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        database.queue(&clock).send(Job::new("x")).await.unwrap();
        let message = database
            .queue(&clock)
            .receive(1, MINUTE)
            .await
            .unwrap()
            .remove(0);
        let next = database.queue(&clock);
        assert!(next.delete(&message.receipt).await.unwrap());
        assert_eq!(next.depth().await.unwrap(), Depth::default());
    }
}

/// SQLite makes the receiver wait for the commit; PostgreSQL lets it pass the locked job by.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_is_not_taken_while_a_change_is_merged_into_it() {
    let databases = Database::all();
    for database in databases
        .iter()
        .filter(|d| d.backend() == Backend::Postgres)
    {
        let clock = Clock::frozen(suite::start());
        let (queue, other) = (database.queue(&clock), database.queue(&clock));
        let job = Job::new("x").with_dedup_key("k");
        queue.send(job.clone()).await.unwrap();
        let (merged, mut is_merged) = tokio::sync::mpsc::unbounded_channel();
        let (commit, may_commit) = mpsc::channel::<()>();
        let change = tokio::spawn({
            let (db, may_commit) = (database.connect(), Arc::new(Mutex::new(may_commit)));
            let inner = queue.clone();
            async move {
                db.write(move |conn| {
                    merged.send(inner.send_in_txn(conn, &job)?).unwrap();
                    may_commit.lock().unwrap().recv().unwrap();
                    Ok(())
                })
                .await
            }
        });
        assert_eq!(is_merged.recv().await, Some(Sent::Merged));
        let passed_by = tokio::time::timeout(MINUTE, other.receive(10, MINUTE)).await;
        assert_eq!(
            passed_by.expect("the receiver waits for the lock").unwrap(),
            []
        );
        commit.send(()).unwrap();
        change.await.unwrap().unwrap();
        assert_eq!(other.receive(10, MINUTE).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn many_jobs_of_one_transaction_are_sent_like_single_ones_all_or_none() {
    for database in Database::all() {
        let clock = Clock::frozen(suite::start());
        let db = database.connect();
        let queue = databases::queue(db.clone(), &clock);
        let keyed = |key: &str| Job::new(key).with_dedup_key(key);
        queue.send(keyed("b")).await.unwrap();
        let send = async |jobs: Vec<Job>| {
            let inner = queue.clone();
            db.write(move |conn| inner.send_all_in_txn(conn, &jobs))
                .await
        };
        let jobs = ["a", "b", "c", "a"].map(keyed).to_vec();
        assert_eq!(
            send(jobs).await.unwrap(),
            2,
            "one waits already, one is named twice"
        );
        assert_eq!(queue.depth().await.unwrap().ready, 3);
        // The queue of these tests takes twenty jobs: eighteen more are one too many.
        let many = |count: u32| {
            (0..count)
                .map(|n| Job::new(n.to_string()))
                .collect::<Vec<_>>()
        };
        let error = send(many(18)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Unavailable, "queue demo is full")
        );
        assert_eq!(queue.depth().await.unwrap().ready, 3);
        assert_eq!(send(many(17)).await.unwrap(), 17);
        let error = send(vec![Job::new("a\0b")]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        // What merges needs no room.
        assert_eq!(send(vec![keyed("a")]).await.unwrap(), 0);
    }
}
