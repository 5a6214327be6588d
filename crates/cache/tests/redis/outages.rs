// SPDX-License-Identifier: MPL-2.0
//! Servers that are away or silent, and what holds when they are back.

use std::time::Duration;

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusBuilder;
use releng_cache::{Handle, Options, SingleFlight};
use releng_common::{Kind, Result};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::forwarder::Forwarder;
use crate::server::OwnServer;
use crate::{cache_at, own_prefix, server};

/// Far above every time-out under test: who exceeds it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

fn impatient(ignore_faults: bool) -> Options {
    Options {
        prefix: own_prefix(),
        connect_timeout: Duration::from_millis(100),
        response_timeout: Duration::from_millis(100),
        ignore_faults,
        ..Options::default()
    }
}

/// Returns a URL at which nobody listens.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("redis://{}", listener.local_addr().unwrap())
}

/// Returns a server that takes connections and never says a word.
async fn silent_server() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (
        format!("redis://{}", listener.local_addr().unwrap()),
        listener,
    )
}

/// Every call gets a cache of its own, which has not yet learned that the server is away.
async fn everything_degrades(url: &str) {
    let fresh = || cache_at(url, impatient(true));
    let value = Bytes::from_static(b"x");
    let (found, fence) = fresh().get_fenced("key").await.unwrap();
    assert_eq!(found, None);
    assert!(
        !fresh()
            .set_fenced("key", value.clone(), None, &fence)
            .await
            .unwrap()
    );
    assert_eq!(fresh().get("key").await.unwrap(), None);
    fresh().set("key", value.clone(), None).await.unwrap();
    fresh().delete(&["key"]).await.unwrap();
    assert!(fresh().set_if_absent("key", value, None).await.unwrap());
    assert_eq!(fresh().incr("key", None).await.unwrap(), 1);
    let load = || async { Ok(Bytes::from_static(b"loaded")) };
    let flight = SingleFlight::new(fresh());
    assert_eq!(
        flight.get_or_load("key", None, load).await.unwrap(),
        "loaded"
    );
    assert_unavailable(fresh().check().await);
}

async fn everything_fails(url: &str) {
    let fresh = || cache_at(url, impatient(false));
    let value = Bytes::from_static(b"x");
    assert_unavailable(fresh().get_fenced("key").await.map(|(found, _)| found));
    assert_unavailable(fresh().get("key").await);
    assert_unavailable(fresh().set("key", value.clone(), None).await);
    assert_unavailable(fresh().delete(&["key"]).await);
    assert_unavailable(fresh().set_if_absent("key", value, None).await);
    assert_unavailable(fresh().incr("key", None).await);
    assert_unavailable(fresh().check().await);
}

fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), "the cache does not answer");
    assert_eq!(error.retry_after_secs(), Some(5));
}

#[tokio::test]
async fn a_server_that_is_away_counts_as_an_empty_cache() {
    timeout(DEADLINE, everything_degrades(&closed_port().await))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_silent_server_counts_as_an_empty_cache() {
    let (url, _listener) = silent_server().await;
    timeout(DEADLINE, everything_degrades(&url)).await.unwrap();
}

#[tokio::test]
async fn faults_that_are_not_ignored_are_errors() {
    timeout(DEADLINE, everything_fails(&closed_port().await))
        .await
        .unwrap();
    let (url, _listener) = silent_server().await;
    timeout(DEADLINE, everything_fails(&url)).await.unwrap();
}

#[tokio::test]
async fn an_outage_of_a_silent_server_costs_one_time_out_and_not_one_per_call() {
    let (url, listener) = silent_server().await;
    let cache = cache_at(&url, impatient(true));
    for _ in 0..10_000 {
        assert_eq!(cache.get("key").await.unwrap(), None);
    }
    let mut connections = 0;
    while timeout(Duration::from_millis(1), listener.accept())
        .await
        .is_ok()
    {
        connections += 1;
    }
    assert!(
        (1..100).contains(&connections),
        "{connections} connections for 10,000 calls"
    );
}

#[tokio::test]
async fn faults_are_counted_by_operation() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let counts = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let cache = cache_at(&closed_port().await, impatient(true));
    cache.get("key").await.unwrap();
    cache.get("key").await.unwrap();
    cache.delete(&["key"]).await.unwrap();
    let mut lines: Vec<String> = counts.render().lines().map(str::to_owned).collect();
    lines.retain(|line| line.starts_with("cache_faults"));
    lines.sort();
    assert_eq!(
        lines,
        [
            "cache_faults{operation=\"delete\"} 1",
            "cache_faults{operation=\"get\"} 2"
        ]
    );
}

/// Stores until the value can be read again.
async fn wait_until_it_keeps(cache: &Handle) {
    let wait = async {
        while cache.get("back").await.unwrap().is_none() {
            cache
                .set("back", Bytes::from_static(b"x"), None)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap();
}

#[tokio::test]
async fn a_restart_of_the_server_is_overcome() {
    let Some(mut server) = OwnServer::start().await else {
        return;
    };
    let cache = cache_at(
        &server.url(),
        Options {
            prefix: own_prefix(),
            ..Options::default()
        },
    );
    wait_until_it_keeps(&cache).await;

    server.kill();
    assert_eq!(cache.get("back").await.unwrap(), None);
    assert_unavailable(cache.check().await);

    server.start_again().await;
    wait_until_it_keeps(&cache).await;
    cache.check().await.unwrap();
}

#[tokio::test]
async fn a_check_that_succeeds_ends_the_pause_after_a_fault() {
    let Some((url, _server)) = server::any().await else {
        return;
    };
    let mut wire = Forwarder::to(&url).await;
    let options = Options {
        prefix: own_prefix(),
        ..Options::default()
    };
    let cache = cache_at(wire.url(), options);
    wait_until_it_keeps(&cache).await;
    wire.cut().await;
    assert_eq!(cache.get("back").await.unwrap(), None);
    wire.mend().await;
    cache.check().await.unwrap();
    assert_eq!(
        cache.get("back").await.unwrap(),
        Some(Bytes::from_static(b"x"))
    );
    cache.delete(&["back"]).await.unwrap();
}

#[tokio::test]
async fn a_change_during_an_outage_is_not_undone_by_its_end() {
    let Some((url, _server)) = server::any().await else {
        return;
    };
    let mut wire = Forwarder::to(&url).await;
    let options = Options {
        prefix: own_prefix(),
        ..Options::default()
    };
    let (cut_off, direct) = (
        cache_at(wire.url(), options.clone()),
        cache_at(&url, options),
    );
    let old = Bytes::from_static(b"old");
    for key in ["deleted", "replaced", "untouched"] {
        direct.set(key, old.clone(), None).await.unwrap();
        assert_eq!(cut_off.get(key).await.unwrap(), Some(old.clone()));
    }
    let (_, fence) = direct.get_fenced("loading").await.unwrap();

    wire.cut().await;
    cut_off.delete(&["deleted", "loading"]).await.unwrap();
    cut_off
        .set("replaced", Bytes::from_static(b"new"), None)
        .await
        .unwrap();
    assert_eq!(direct.get("deleted").await.unwrap(), Some(old.clone()));

    wire.mend().await;
    let wait = async {
        while cut_off.get("untouched").await.unwrap().is_none() {
            assert_eq!(cut_off.get("deleted").await.unwrap(), None);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap();
    for cache in [&cut_off, &direct] {
        assert_eq!(cache.get("deleted").await.unwrap(), None);
        assert_eq!(cache.get("replaced").await.unwrap(), None);
        assert_eq!(cache.get("untouched").await.unwrap(), Some(old.clone()));
    }
    assert!(
        !direct
            .set_fenced("loading", old, None, &fence)
            .await
            .unwrap()
    );
    direct.delete(&["untouched"]).await.unwrap();
}

#[tokio::test]
async fn during_an_outage_a_caller_after_a_deletion_does_not_share_a_load_from_before() {
    let flight = SingleFlight::new(cache_at(&closed_port().await, impatient(true)));
    let outdated = || async {
        flight.cache().delete(&["key"]).await?;
        let fresh = || async { Ok(Bytes::from_static(b"fresh")) };
        // Would wait for itself if it joined the load that it is part of.
        assert_eq!(flight.get_or_load("key", None, fresh).await?, "fresh");
        Ok(Bytes::from_static(b"outdated"))
    };
    let value = timeout(DEADLINE, flight.get_or_load("key", None, outdated))
        .await
        .unwrap();
    assert_eq!(value.unwrap(), "outdated");
}
