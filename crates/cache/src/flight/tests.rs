// SPDX-License-Identifier: MPL-2.0
//! What several callers of one load see, down to the list of loads under way.

use std::time::Duration;

use releng_common::Kind;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::{MemoryCache, Options};

fn single_flight() -> SingleFlight {
    SingleFlight::new(Arc::new(MemoryCache::new(1 << 20, &Options::default())))
}

/// Waits until the loads under way have so many callers, one number for each load.
async fn wait_for_seats(flight: &SingleFlight, expected: &[usize]) {
    let seats = || {
        let mut seats: Vec<usize> = lock(&flight.flights).values().map(|b| b.seats).collect();
        seats.sort_unstable();
        seats
    };
    let wait = async {
        while seats() != expected {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .is_err()
    {
        panic!("seats are {:?}, expected {expected:?}", seats());
    }
}

/// Starts a caller whose load gives what the sender is told; dropping the sender panics the load.
fn caller(flight: &SingleFlight) -> (JoinHandle<Result<Bytes>>, oneshot::Sender<Result<Bytes>>) {
    let (sender, receiver) = oneshot::channel();
    let flight = flight.clone();
    let load = || async { receiver.await.expect("told to panic") };
    let task = tokio::spawn(async move { flight.get_or_load("key", None, load).await });
    (task, sender)
}

fn follower(flight: &SingleFlight, value: &'static str) -> JoinHandle<Result<Bytes>> {
    let (task, sender) = caller(flight);
    sender
        .send(Ok(Bytes::from_static(value.as_bytes())))
        .unwrap();
    task
}

#[tokio::test]
async fn followers_get_the_value_of_the_leader() {
    let flight = single_flight();
    let (leader, load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    let followers = [follower(&flight, "unused"), follower(&flight, "unused")];
    wait_for_seats(&flight, &[3]).await;
    load.send(Ok(Bytes::from_static(b"shared"))).unwrap();
    assert_eq!(leader.await.unwrap().unwrap(), "shared");
    for task in followers {
        assert_eq!(task.await.unwrap().unwrap(), "shared");
    }
    wait_for_seats(&flight, &[]).await;
}

#[tokio::test]
async fn followers_get_the_failure_of_the_leader_with_its_cause() {
    let flight = single_flight();
    let (leader, load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    let waiting = follower(&flight, "unused");
    wait_for_seats(&flight, &[2]).await;
    let inner = Error::internal("socket closed").with_source(std::io::Error::other("reset"));
    load.send(Err(Error::unavailable("no store").with_source(inner)))
        .unwrap();
    for task in [leader, waiting] {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.message(), "no store");
        assert_eq!(error.retry_after_secs(), Some(5));
        assert_eq!(error.chain(), "no store: socket closed: reset");
    }
    wait_for_seats(&flight, &[]).await;
    assert_eq!(flight.cache().get("key").await.unwrap(), None);
}

#[tokio::test]
async fn when_the_leader_goes_away_a_follower_loads() {
    let flight = single_flight();
    let (leader, _load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    let waiting = follower(&flight, "own");
    wait_for_seats(&flight, &[2]).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    assert_eq!(waiting.await.unwrap().unwrap(), "own");
    wait_for_seats(&flight, &[]).await;
}

#[tokio::test]
async fn when_the_leader_panics_a_follower_loads() {
    let flight = single_flight();
    let (leader, load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    let waiting = follower(&flight, "own");
    wait_for_seats(&flight, &[2]).await;
    drop(load);
    assert!(leader.await.unwrap_err().is_panic());
    assert_eq!(waiting.await.unwrap().unwrap(), "own");
    wait_for_seats(&flight, &[]).await;
}

#[tokio::test]
async fn a_lone_caller_that_goes_away_leaves_nothing_behind() {
    let flight = single_flight();
    let (leader, _load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    leader.abort();
    wait_for_seats(&flight, &[]).await;
}

#[tokio::test]
async fn a_caller_after_a_deletion_does_not_share_a_load_from_before() {
    let flight = single_flight();
    let (before, load_before) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    flight.cache().delete(&["key"]).await.unwrap();
    let (after, load_after) = caller(&flight);
    wait_for_seats(&flight, &[1, 1]).await;
    load_after.send(Ok(Bytes::from_static(b"fresh"))).unwrap();
    assert_eq!(after.await.unwrap().unwrap(), "fresh");
    load_before
        .send(Ok(Bytes::from_static(b"outdated")))
        .unwrap();
    assert_eq!(before.await.unwrap().unwrap(), "outdated");
    assert_eq!(
        flight.cache().get("key").await.unwrap(),
        Some(Bytes::from_static(b"fresh"))
    );
    wait_for_seats(&flight, &[]).await;
}

#[tokio::test]
async fn loads_of_different_keys_do_not_wait_for_each_other() {
    let flight = single_flight();
    let (_stuck, _load) = caller(&flight);
    wait_for_seats(&flight, &[1]).await;
    let load = || async { Ok(Bytes::from_static(b"other")) };
    assert_eq!(
        flight.get_or_load("other", None, load).await.unwrap(),
        "other"
    );
}
