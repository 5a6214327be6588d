// SPDX-License-Identifier: MPL-2.0
//! Cases about [`SingleFlight`] on top of a backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use releng_common::{Error, Kind, Result};
use tokio::task::JoinSet;

use super::{LONG, SHORT, wait_until_absent};
use crate::{Handle, SingleFlight};

const CALLERS: usize = 20;

/// The load ends only when all callers are there, so that most of them wait for it.
pub async fn concurrent_misses_load_once(cache: &Handle) -> Result<()> {
    let flight = SingleFlight::new(cache.clone());
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (flight, counts) = (flight.clone(), counts.clone());
        callers.spawn(async move {
            let (arrived, loads) = &*counts;
            arrived.fetch_add(1, Ordering::SeqCst);
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < CALLERS {
                    tokio::task::yield_now().await;
                }
                Ok(Bytes::from_static(b"loaded"))
            };
            flight.get_or_load("key", LONG, load).await
        });
    }
    let values = callers
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<Bytes>>>()?;
    assert_eq!(values, vec![Bytes::from_static(b"loaded"); CALLERS]);
    assert_eq!(counts.1.load(Ordering::SeqCst), 1);
    Ok(())
}

/// The value is stored with its time to live.
pub async fn a_loaded_value_is_cached_until_it_expires(cache: &Handle) -> Result<()> {
    let flight = SingleFlight::new(cache.clone());
    let never = || async { Err(Error::internal("loaded although cached")) };
    let load =
        |value: &'static str| move || async move { Ok(Bytes::from_static(value.as_bytes())) };

    assert_eq!(flight.get_or_load("long", LONG, load("one")).await?, "one");
    assert_eq!(flight.get_or_load("long", LONG, never).await?, "one");
    assert_eq!(cache.get("long").await?, Some(Bytes::from_static(b"one")));

    assert_eq!(
        flight.get_or_load("short", SHORT, load("two")).await?,
        "two"
    );
    wait_until_absent(cache, "short").await?;
    assert_eq!(
        flight.get_or_load("short", LONG, load("three")).await?,
        "three"
    );
    assert_eq!(flight.get_or_load("short", LONG, never).await?, "three");
    Ok(())
}

/// The next caller tries again.
pub async fn a_failed_load_is_not_cached(cache: &Handle) -> Result<()> {
    let flight = SingleFlight::new(cache.clone());
    let failing = || async { Err(Error::unavailable("the store does not answer")) };
    let error = match flight.get_or_load("key", LONG, failing).await {
        Ok(value) => panic!("{value:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), "the store does not answer");
    assert_eq!(error.retry_after_secs(), Some(5));
    assert_eq!(cache.get("key").await?, None);
    let load = || async { Ok(Bytes::from_static(b"loaded")) };
    assert_eq!(flight.get_or_load("key", LONG, load).await?, "loaded");
    Ok(())
}

/// Else an upload that ends during a lookup would stay unseen until the entry expires.
pub async fn what_was_loaded_before_a_deletion_is_not_cached(cache: &Handle) -> Result<()> {
    let flight = SingleFlight::new(cache.clone());
    let outdated = || async {
        cache.delete(&["key"]).await?;
        Ok(Bytes::from_static(b"outdated"))
    };
    assert_eq!(flight.get_or_load("key", LONG, outdated).await?, "outdated");
    assert_eq!(cache.get("key").await?, None);
    let load = || async { Ok(Bytes::from_static(b"fresh")) };
    assert_eq!(flight.get_or_load("key", LONG, load).await?, "fresh");
    assert_eq!(cache.get("key").await?, Some(Bytes::from_static(b"fresh")));
    Ok(())
}

/// What a caller who asks for it wants.
pub async fn refresh_loads_although_a_value_is_cached(cache: &Handle) -> Result<()> {
    let flight = SingleFlight::new(cache.clone());
    cache.set("key", Bytes::from_static(b"old"), LONG).await?;
    let load = || async { Ok(Bytes::from_static(b"new")) };
    assert_eq!(flight.refresh("key", LONG, load).await?, "new");
    assert_eq!(cache.get("key").await?, Some(Bytes::from_static(b"new")));
    Ok(())
}
