// SPDX-License-Identifier: MPL-2.0
//! Cases about single entries.

use std::time::Duration;

use bytes::Bytes;
use releng_common::Result;
use tokio::task::JoinSet;

use super::{LONG, MAX_ENTRY_BYTES, SHORT, wait_until_absent};
use crate::Handle;

/// Absence is a value, not an error.
pub async fn an_absent_key_has_no_value_and_can_be_deleted(cache: &Handle) -> Result<()> {
    assert_eq!(cache.get("absent").await?, None);
    cache.delete(&["absent"]).await?;
    cache.delete(&[]).await?;
    assert_eq!(cache.get("absent").await?, None);
    Ok(())
}

/// Neither keys nor values are text with rules.
pub async fn keys_and_values_come_back_byte_for_byte(cache: &Handle) -> Result<()> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let keys = [
        "",
        "a b",
        "a:b",
        "*",
        "zażółć",
        "line\r\nbreak",
        "libstdc++.so.6/0/~[x]#",
    ];
    for (number, key) in (0_u8..).zip(keys) {
        let value = [all_bytes.as_slice(), &[number]].concat();
        cache.set(key, Bytes::from(value), LONG).await?;
    }
    for (number, key) in (0_u8..).zip(keys) {
        let value = [all_bytes.as_slice(), &[number]].concat();
        assert_eq!(cache.get(key).await?, Some(Bytes::from(value)), "{key:?}");
    }
    cache.set("empty", Bytes::new(), LONG).await?;
    assert_eq!(cache.get("empty").await?, Some(Bytes::new()));
    Ok(())
}

/// The later call wins in all respects.
pub async fn a_second_value_replaces_the_first_and_its_time_to_live(cache: &Handle) -> Result<()> {
    cache
        .set("key", Bytes::from_static(b"first"), SHORT)
        .await?;
    cache
        .set("key", Bytes::from_static(b"second"), None)
        .await?;
    // Set later and for as long: when it is gone, the first time to live is over as well.
    cache.set("later", Bytes::from_static(b"x"), SHORT).await?;
    wait_until_absent(cache, "later").await?;
    assert_eq!(cache.get("key").await?, Some(Bytes::from_static(b"second")));

    cache
        .set("key", Bytes::from_static(b"third"), SHORT)
        .await?;
    wait_until_absent(cache, "key").await?;
    cache.delete(&["key"]).await
}

/// Time alone removes an entry.
pub async fn a_value_is_gone_after_its_time_to_live(cache: &Handle) -> Result<()> {
    cache.set("lasting", Bytes::from_static(b"x"), LONG).await?;
    cache.set("brief", Bytes::from_static(b"x"), SHORT).await?;
    wait_until_absent(cache, "brief").await?;
    assert_eq!(cache.get("lasting").await?, Some(Bytes::from_static(b"x")));
    Ok(())
}

/// Odd times are bent, not refused.
pub async fn a_time_to_live_of_nothing_or_forever_is_accepted(cache: &Handle) -> Result<()> {
    cache
        .set("zero", Bytes::from_static(b"x"), Some(Duration::ZERO))
        .await?;
    wait_until_absent(cache, "zero").await?;
    assert!(
        cache
            .set_if_absent("zero", Bytes::new(), Some(Duration::ZERO))
            .await?
    );
    cache
        .set("max", Bytes::from_static(b"x"), Some(Duration::MAX))
        .await?;
    assert_eq!(cache.get("max").await?, Some(Bytes::from_static(b"x")));
    assert_eq!(cache.incr("count", Some(Duration::MAX)).await?, 1);
    cache.delete(&["max", "count"]).await
}

/// One call for many keys, more than fit into one transaction.
pub async fn delete_removes_all_named_keys_and_no_other(cache: &Handle) -> Result<()> {
    let keys: Vec<String> = (0..1_203).map(|number| format!("key-{number}")).collect();
    for key in &keys {
        cache.set(key, Bytes::from_static(b"x"), LONG).await?;
    }
    cache
        .set("key-other", Bytes::from_static(b"x"), LONG)
        .await?;
    let named: Vec<&str> = keys.iter().map(String::as_str).collect();
    cache.delete(&named).await?;
    for key in &keys {
        assert_eq!(cache.get(key).await?, None, "{key}");
    }
    assert_eq!(
        cache.get("key-other").await?,
        Some(Bytes::from_static(b"x"))
    );
    Ok(())
}

/// The guard "once per time to live".
pub async fn of_many_that_set_if_absent_one_does(cache: &Handle) -> Result<()> {
    let mut callers = JoinSet::new();
    for number in 0_u8..20 {
        let cache = cache.clone();
        callers.spawn(async move {
            let is_set = cache
                .set_if_absent("guard", Bytes::from(vec![number]), LONG)
                .await?;
            Ok(is_set.then_some(number))
        });
    }
    let answers = callers
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<Option<u8>>>>()?;
    let winners: Vec<u8> = answers.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(cache.get("guard").await?, Some(Bytes::from(winners)));
    Ok(())
}

/// A guard is no eternal one.
pub async fn set_if_absent_does_so_again_after_expiry_and_after_deletion(
    cache: &Handle,
) -> Result<()> {
    assert!(
        cache
            .set_if_absent("guard", Bytes::from_static(b"1"), SHORT)
            .await?
    );
    wait_until_absent(cache, "guard").await?;
    assert!(
        cache
            .set_if_absent("guard", Bytes::from_static(b"2"), LONG)
            .await?
    );
    assert!(
        !cache
            .set_if_absent("guard", Bytes::from_static(b"3"), LONG)
            .await?
    );
    cache.delete(&["guard"]).await?;
    assert!(
        cache
            .set_if_absent("guard", Bytes::from_static(b"4"), LONG)
            .await?
    );
    assert_eq!(cache.get("guard").await?, Some(Bytes::from_static(b"4")));
    Ok(())
}

/// The limit counts key and value.
pub async fn an_entry_over_the_limit_is_not_kept_and_ends_the_older_one(
    cache: &Handle,
) -> Result<()> {
    let fitting = Bytes::from(vec![b'x'; MAX_ENTRY_BYTES - "key".len()]);
    let too_large = Bytes::from(vec![b'x'; MAX_ENTRY_BYTES - "key".len() + 1]);
    cache.set("key", fitting.clone(), LONG).await?;
    assert_eq!(cache.get("key").await?, Some(fitting.clone()));
    cache.set("key", too_large.clone(), LONG).await?;
    assert_eq!(cache.get("key").await?, None);

    assert!(cache.set_if_absent("key", too_large.clone(), LONG).await?);
    assert_eq!(cache.get("key").await?, None);
    let (_, fence) = cache.get_fenced("key").await?;
    assert!(
        !cache
            .set_fenced("key", too_large.clone(), LONG, &fence)
            .await?
    );
    assert_eq!(cache.get("key").await?, None);
    cache.set("key", fitting, LONG).await?;
    assert!(!cache.set_if_absent("key", too_large, LONG).await?);
    Ok(())
}

/// Such a key costs nothing and stops nobody.
pub async fn a_key_over_the_limit_is_always_absent(cache: &Handle) -> Result<()> {
    let key = "k".repeat(MAX_ENTRY_BYTES + 1);
    cache.set(&key, Bytes::new(), LONG).await?;
    assert_eq!(cache.get(&key).await?, None);
    assert!(cache.set_if_absent(&key, Bytes::new(), LONG).await?);
    assert!(cache.set_if_absent(&key, Bytes::new(), LONG).await?);
    assert_eq!(cache.incr(&key, LONG).await?, 1);
    assert_eq!(cache.incr(&key, LONG).await?, 1);
    let (value, fence) = cache.get_fenced(&key).await?;
    assert_eq!(value, None);
    assert!(!cache.set_fenced(&key, Bytes::new(), LONG, &fence).await?);
    cache.delete(&[&key]).await
}

/// What heartbeats ask.
pub async fn a_working_backend_passes_its_check(cache: &Handle) -> Result<()> {
    cache.check().await
}
