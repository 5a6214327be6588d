// SPDX-License-Identifier: MPL-2.0
//! Cases about counters.

use bytes::Bytes;
use releng_common::{Kind, Result};
use tokio::task::JoinSet;

use super::{LONG, SHORT, wait_until_absent};
use crate::Handle;

/// A counter is an entry like any other.
pub async fn a_counter_counts_from_one_and_reads_as_digits(cache: &Handle) -> Result<()> {
    assert_eq!(cache.incr("count", LONG).await?, 1);
    assert_eq!(cache.incr("count", LONG).await?, 2);
    assert_eq!(cache.get("count").await?, Some(Bytes::from_static(b"2")));
    assert_eq!(cache.incr("other", LONG).await?, 1);
    cache.set("count", Bytes::from_static(b"41"), LONG).await?;
    assert_eq!(cache.incr("count", LONG).await?, 42);
    cache.delete(&["count"]).await?;
    assert_eq!(cache.incr("count", LONG).await?, 1);
    Ok(())
}

/// No two callers get the same count.
pub async fn concurrent_increments_all_count(cache: &Handle) -> Result<()> {
    let mut callers = JoinSet::new();
    for _ in 0..40 {
        let cache = cache.clone();
        callers.spawn(async move { cache.incr("count", LONG).await });
    }
    let mut counts = callers
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<u64>>>()?;
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<u64>>());
    Ok(())
}

/// Otherwise a counter that is used often enough would never start anew.
pub async fn the_first_increment_sets_the_time_to_live(cache: &Handle) -> Result<()> {
    loop {
        cache.delete(&["count"]).await?;
        cache.incr("count", SHORT).await?;
        // On a busy machine the counter may have expired between the calls.
        if cache.incr("count", LONG).await? == 2 && cache.incr("count", None).await? == 3 {
            break;
        }
    }
    wait_until_absent(cache, "count").await?;
    assert_eq!(cache.incr("count", LONG).await?, 1);
    Ok(())
}

/// This is a mistake of the caller, which no backend may hide.
pub async fn a_value_that_cannot_be_counted_is_a_conflict(cache: &Handle) -> Result<()> {
    for value in ["ten", "", "1.5", "9223372036854775807"] {
        cache
            .set("count", Bytes::from_static(value.as_bytes()), LONG)
            .await?;
        let error = match cache.incr("count", LONG).await {
            Ok(count) => panic!("{value:?} counted to {count}"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), Kind::Conflict, "{value:?}: {error:?}");
        assert_eq!(
            error.message(),
            "cache key `count` holds no count that can grow"
        );
        assert_eq!(
            cache.get("count").await?,
            Some(Bytes::from_static(value.as_bytes()))
        );
    }
    Ok(())
}
