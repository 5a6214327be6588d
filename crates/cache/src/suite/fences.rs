// SPDX-License-Identifier: MPL-2.0
//! Cases about values that were true when the fence was taken.

use bytes::Bytes;
use releng_common::Result;

use super::{LONG, SHORT, wait_until_absent};
use crate::Handle;

/// The usual course of a load.
pub async fn a_fenced_value_is_stored_when_nothing_happened(cache: &Handle) -> Result<()> {
    let (value, fence) = cache.get_fenced("key").await?;
    assert_eq!(value, None);
    assert!(
        cache
            .set_fenced("key", Bytes::from_static(b"loaded"), None, &fence)
            .await?
    );
    let (value, _) = cache.get_fenced("key").await?;
    assert_eq!(value, Some(Bytes::from_static(b"loaded")));
    cache.delete(&["key"]).await?;

    let (_, fence) = cache.get_fenced("key").await?;
    assert!(
        cache
            .set_fenced("key", Bytes::from_static(b"brief"), SHORT, &fence)
            .await?
    );
    wait_until_absent(cache, "key").await
}

/// A deletion says that what was read before it may be wrong.
pub async fn a_fenced_value_is_refused_after_a_deletion(cache: &Handle) -> Result<()> {
    let (_, before) = cache.get_fenced("key").await?;
    cache.delete(&["key"]).await?;
    assert!(
        !cache
            .set_fenced("key", Bytes::from_static(b"outdated"), LONG, &before)
            .await?
    );
    assert_eq!(cache.get("key").await?, None);

    let (_, between) = cache.get_fenced("key").await?;
    cache.delete(&["unconcerned", "key"]).await?;
    assert!(
        !cache
            .set_fenced("key", Bytes::from_static(b"outdated"), LONG, &between)
            .await?
    );
    assert_eq!(cache.get("key").await?, None);

    let (_, after) = cache.get_fenced("key").await?;
    assert!(
        cache
            .set_fenced("key", Bytes::from_static(b"fresh"), LONG, &after)
            .await?
    );
    assert_eq!(cache.get("key").await?, Some(Bytes::from_static(b"fresh")));
    Ok(())
}

/// What another caller stored meanwhile is at least as fresh.
pub async fn a_fenced_value_is_refused_where_another_is(cache: &Handle) -> Result<()> {
    let (_, fence) = cache.get_fenced("key").await?;
    cache.set("key", Bytes::from_static(b"set"), LONG).await?;
    assert!(
        !cache
            .set_fenced("key", Bytes::from_static(b"loaded"), LONG, &fence)
            .await?
    );
    assert_eq!(cache.get("key").await?, Some(Bytes::from_static(b"set")));
    Ok(())
}
