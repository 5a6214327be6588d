// SPDX-License-Identifier: MPL-2.0
//! Cases about what is accepted, and when it is visible.

use std::sync::Arc;
use std::time::Duration;

use releng_common::{Kind, Result};
use tokio::task::JoinSet;

use super::Fixture;
use crate::{Depth, Job, Sent};

/// The simplest use.
pub async fn a_job_is_received_with_its_body_and_its_first_attempt(t: &Fixture) -> Result<()> {
    assert_eq!(
        t.queue.send(Job::new(r#"{"digest":"demo"}"#)).await?,
        Sent::Added
    );
    let message = t.take_one().await?;
    assert_eq!(
        (message.body.as_str(), message.attempts),
        (r#"{"digest":"demo"}"#, 1)
    );
    assert!(t.queue.delete(&message.receipt).await?);
    t.advance(3600);
    assert_eq!(t.take().await?, []);
    Ok(())
}

/// A body is text without further rules.
pub async fn bodies_come_back_byte_for_byte_up_to_the_limit(t: &Fixture) -> Result<()> {
    let largest = "é".repeat(128 * 1024);
    let bodies = [
        "",
        " ",
        "'\"\\;--",
        "zażółć 🙂",
        "line\r\nbreak\t\u{1}",
        &largest,
    ];
    for body in bodies {
        assert_eq!(t.queue.send(Job::new(body)).await?, Sent::Added);
    }
    assert_eq!(t.take_bodies().await?, bodies);
    Ok(())
}

/// The error names the field and the rule; nothing is stored.
pub async fn a_job_that_breaks_a_limit_is_refused_by_field(t: &Fixture) -> Result<()> {
    let job = Job::new("x");
    let refused = [
        (
            Job::new("x".repeat(262_145)),
            "body: must have at most 262144 bytes",
        ),
        (Job::new("a\0b"), "body: must not contain U+0000"),
        (
            job.clone().with_dedup_key(""),
            "dedup_key: must have 1 to 256 bytes",
        ),
        (
            job.clone().with_dedup_key("x".repeat(257)),
            "dedup_key: must have 1 to 256 bytes",
        ),
        (
            job.clone().with_dedup_key("a\0b"),
            "dedup_key: must not contain U+0000",
        ),
        (
            job.with_delay(Duration::from_millis(2_592_000_001)),
            "delay: must be at most 2592000 s",
        ),
    ];
    for (job, message) in refused {
        let error = t.queue.send(job).await.err();
        let error = error.as_ref().map(|e| (e.kind(), e.message()));
        assert_eq!(error, Some((Kind::InvalidInput, message)));
    }
    assert_eq!(t.queue.depth().await?, Depth::default());
    Ok(())
}

/// The moment itself counts as visible.
pub async fn a_delayed_job_is_hidden_until_its_time(t: &Fixture) -> Result<()> {
    t.queue
        .send(Job::new("later").with_delay(Duration::from_secs(60)))
        .await?;
    t.advance(59);
    assert_eq!(t.take_bodies().await?, [""; 0]);
    t.advance(1);
    assert_eq!(t.take_bodies().await?, ["later"]);
    Ok(())
}

/// First what is visible longest; of the same moment, first what was sent first.
pub async fn jobs_come_in_the_order_of_their_times(t: &Fixture) -> Result<()> {
    for (body, delay) in [("c", 2), ("d", 2), ("b", 1), ("a", 0), ("e", 2)] {
        t.queue
            .send(Job::new(body).with_delay(Duration::from_secs(delay)))
            .await?;
    }
    t.advance(2);
    assert_eq!(t.take_bodies().await?, ["a", "b", "c", "d", "e"]);
    Ok(())
}

/// Jobs without a key, or with another one, are never merged.
pub async fn a_job_with_the_key_of_a_waiting_one_is_merged(t: &Fixture) -> Result<()> {
    let job = |body: &str, key: &str| Job::new(body).with_dedup_key(key);
    assert_eq!(t.queue.send(job("first", "k")).await?, Sent::Added);
    assert_eq!(t.queue.send(job("second", "k")).await?, Sent::Merged);
    assert_eq!(t.queue.send(job("third", "K")).await?, Sent::Added);
    assert_eq!(t.queue.send(Job::new("fourth")).await?, Sent::Added);
    assert_eq!(t.queue.send(Job::new("fifth")).await?, Sent::Added);
    assert_eq!(
        t.take_bodies().await?,
        ["first", "third", "fourth", "fifth"]
    );
    Ok(())
}

/// The earlier of both times counts.
pub async fn a_merged_job_brings_the_time_forward_and_never_back(t: &Fixture) -> Result<()> {
    let job = |delay| {
        Job::new("x")
            .with_dedup_key("k")
            .with_delay(Duration::from_secs(delay))
    };
    assert_eq!(t.queue.send(job(60)).await?, Sent::Added);
    assert_eq!(t.queue.send(job(600)).await?, Sent::Merged);
    assert_eq!(t.queue.send(job(10)).await?, Sent::Merged);
    t.advance(9);
    assert_eq!(t.take_bodies().await?, [""; 0]);
    t.advance(1);
    assert_eq!(t.take_bodies().await?, ["x"]);
    Ok(())
}

/// What is sent while its predecessor runs must be done again: the predecessor may have looked
/// before the change.
pub async fn a_key_is_free_again_once_its_job_is_taken(t: &Fixture) -> Result<()> {
    let job = |body: &str| Job::new(body).with_dedup_key("k");
    t.queue.send(job("first")).await?;
    let first = t.take_one().await?;
    assert_eq!(t.queue.send(job("second")).await?, Sent::Added);
    assert_eq!(t.queue.send(job("third")).await?, Sent::Merged);
    assert_eq!(t.take_bodies().await?, ["second"]);
    assert!(t.queue.delete(&first.receipt).await?);
    Ok(())
}

/// Of concurrent senders as well.
pub async fn of_many_that_send_one_key_one_adds(t: &Fixture) -> Result<()> {
    let mut sends = JoinSet::new();
    for _ in 0..16 {
        let queue = Arc::clone(&t.queue);
        sends.spawn(async move { queue.send(Job::new("x").with_dedup_key("k")).await });
    }
    let mut added = 0;
    for sent in sends.join_all().await {
        added += u32::from(sent? == Sent::Added);
    }
    assert_eq!(added, 1);
    assert_eq!(t.take_bodies().await?, ["x"]);
    Ok(())
}

/// Taken jobs count, dead ones do not. A merged job needs no room.
pub async fn a_full_queue_refuses_until_there_is_room(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("0").with_dedup_key("k")).await?;
    for number in 1..20 {
        let job = Job::new(number.to_string()).with_delay(Duration::from_secs(3600));
        assert_eq!(t.queue.send(job).await?, Sent::Added);
    }
    let merged = t.queue.send(Job::new("0").with_dedup_key("k")).await?;
    assert_eq!(merged, Sent::Merged);
    let taken = t.take_one().await?;
    let error = t.queue.send(Job::new("20")).await.err();
    assert_eq!(
        error.map(|e| (e.kind(), e.retry_after_secs())),
        Some((Kind::Unavailable, Some(5)))
    );
    t.queue.delete(&taken.receipt).await?;
    assert_eq!(t.queue.send(Job::new("20")).await?, Sent::Added);
    for _ in 0..3 {
        let message = t.take_one().await?;
        t.queue
            .fail(&message.receipt, Duration::ZERO, "demo")
            .await?;
    }
    let depth = t.queue.depth().await?;
    assert_eq!(
        depth,
        Depth {
            delayed: 19,
            dead: 1,
            ..Depth::default()
        }
    );
    assert_eq!(t.queue.send(Job::new("21")).await?, Sent::Added);
    Ok(())
}
