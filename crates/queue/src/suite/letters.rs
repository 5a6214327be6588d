// SPDX-License-Identifier: MPL-2.0
//! Cases about dead letters and numbers.

use std::time::Duration;

use releng_common::Result;

use super::Fixture;
use crate::{DeadLetter, Depth, Job, Sent};

/// Sends a job and fails it to death. Nothing else must be visible.
async fn kill(t: &Fixture, job: Job) -> Result<()> {
    t.queue.send(job).await?;
    for _ in 0..3 {
        let message = t.take_one().await?;
        t.queue
            .fail(&message.receipt, Duration::ZERO, "demo")
            .await?;
    }
    Ok(())
}

/// Returns the id of the latest dead letter.
async fn latest(t: &Fixture) -> Result<String> {
    Ok(t.queue
        .dead_letters(1)
        .await?
        .pop()
        .map(|letter| letter.id)
        .unwrap_or_default())
}

/// Of the same moment, latest sent first.
pub async fn dead_letters_come_latest_first_and_in_part(t: &Fixture) -> Result<()> {
    kill(t, Job::new("a")).await?;
    t.advance(1);
    kill(t, Job::new("b")).await?;
    kill(t, Job::new("c")).await?;
    let bodies = |letters: Vec<DeadLetter>| -> Vec<_> {
        letters.into_iter().map(|letter| letter.body).collect()
    };
    assert_eq!(
        bodies(t.queue.dead_letters(usize::MAX).await?),
        ["c", "b", "a"]
    );
    assert_eq!(bodies(t.queue.dead_letters(2).await?), ["c", "b"]);
    assert_eq!(t.queue.dead_letters(0).await?, []);
    Ok(())
}

/// The operator mended something: the job begins anew.
pub async fn a_redriven_letter_has_all_its_attempts(t: &Fixture) -> Result<()> {
    kill(t, Job::new("x")).await?;
    t.advance(3600);
    let id = latest(t).await?;
    assert!(t.queue.redrive(&id).await?);
    assert_eq!(t.queue.dead_letters(10).await?, []);
    for attempt in 1..=3 {
        let message = t.take_one().await?;
        assert_eq!((&message.id, message.body.as_str()), (&id, "x"));
        assert_eq!(message.attempts, attempt);
        t.queue
            .fail(&message.receipt, Duration::ZERO, "again")
            .await?;
    }
    assert_eq!(latest(t).await?, id);
    Ok(())
}

/// One waiting job per key, wherever it comes from.
pub async fn a_redriven_letter_is_merged_into_a_waiting_job_with_its_key(
    t: &Fixture,
) -> Result<()> {
    kill(t, Job::new("old").with_dedup_key("k")).await?;
    let id = latest(t).await?;
    assert_eq!(
        t.queue.send(Job::new("new").with_dedup_key("k")).await?,
        Sent::Added
    );
    assert!(t.queue.redrive(&id).await?);
    assert_eq!(t.queue.dead_letters(10).await?, []);
    assert_eq!(t.take_bodies().await?, ["new"]);
    Ok(())
}

/// The operator gave up on it as well.
pub async fn a_discarded_letter_is_gone(t: &Fixture) -> Result<()> {
    kill(t, Job::new("x")).await?;
    let id = latest(t).await?;
    assert!(t.queue.discard(&id).await?);
    assert!(!t.queue.discard(&id).await?);
    assert!(!t.queue.redrive(&id).await?);
    assert_eq!(t.queue.depth().await?, Depth::default());
    Ok(())
}

/// A typing mistake must not end a job that is alive.
pub async fn only_dead_letters_are_redriven_or_discarded(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("taken")).await?;
    let taken = t.take_one().await?;
    let id = taken.id.as_str();
    for id in [
        id,
        "",
        "x",
        "-1",
        "0",
        "9223372036854775807",
        "9223372036854775808",
    ] {
        assert!(!t.queue.redrive(id).await?, "{id:?}");
        assert!(!t.queue.discard(id).await?, "{id:?}");
    }
    assert!(t.queue.release(&taken.receipt, Duration::ZERO).await?);
    assert!(!t.queue.redrive(id).await?);
    assert!(!t.queue.discard(id).await?);
    assert_eq!(t.take_bodies().await?, ["taken"]);
    Ok(())
}

/// A message whose time-out is over counts as ready, since it can be taken.
pub async fn depth_counts_each_state(t: &Fixture) -> Result<()> {
    kill(t, Job::new("dead")).await?;
    t.queue.send(Job::new("taken")).await?;
    t.take_one().await?;
    for delay in [0, 0, 30, 30, 30] {
        t.queue
            .send(Job::new("x").with_delay(Duration::from_secs(delay)))
            .await?;
    }
    let depth = t.queue.depth().await?;
    assert_eq!(
        depth,
        Depth {
            ready: 2,
            delayed: 3,
            in_flight: 1,
            dead: 1
        }
    );
    t.advance(30);
    let depth = t.queue.depth().await?;
    assert_eq!(
        depth,
        Depth {
            ready: 5,
            delayed: 0,
            in_flight: 1,
            dead: 1
        }
    );
    t.advance(30);
    let depth = t.queue.depth().await?;
    assert_eq!(
        depth,
        Depth {
            ready: 6,
            delayed: 0,
            in_flight: 0,
            dead: 1
        }
    );
    Ok(())
}

/// The heartbeat of a service asks this.
pub async fn a_working_queue_passes_its_check(t: &Fixture) -> Result<()> {
    t.queue.check().await
}
