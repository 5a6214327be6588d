// SPDX-License-Identifier: MPL-2.0
//! Cases about attempts that fail, and about keys of jobs that come back.

use std::time::Duration;

use chrono::TimeDelta;
use releng_common::Result;

use super::{Fixture, start};
use crate::{DeadLetter, Depth, Fate, Job, Sent};

/// Unlike a release, a failure counts.
pub async fn a_failed_message_comes_after_its_delay_with_the_next_attempt(
    t: &Fixture,
) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let message = t.take_one().await?;
    let fate = t
        .queue
        .fail(&message.receipt, Duration::from_secs(5), "demo")
        .await?;
    assert_eq!(fate, Fate::Waiting);
    assert_eq!(
        t.queue.depth().await?,
        Depth {
            delayed: 1,
            ..Depth::default()
        }
    );
    t.advance(4);
    assert_eq!(t.take().await?, []);
    t.advance(1);
    assert_eq!(t.take_one().await?.attempts, 2);
    Ok(())
}

/// It keeps everything an operator needs to decide.
pub async fn the_last_failure_makes_a_dead_letter(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x").with_dedup_key("k")).await?;
    let mut id = String::new();
    for (attempt, fate) in [(1, Fate::Waiting), (2, Fate::Waiting), (3, Fate::Dead)] {
        t.advance(10);
        let message = t.take_one().await?;
        let error = format!("failure {attempt}");
        assert_eq!(
            t.queue
                .fail(&message.receipt, Duration::ZERO, &error)
                .await?,
            fate
        );
        id = message.id;
    }
    assert_eq!(
        t.queue.depth().await?,
        Depth {
            dead: 1,
            ..Depth::default()
        }
    );
    t.advance(1_000_000);
    assert_eq!(t.take().await?, []);
    let letter = DeadLetter {
        id,
        body: "x".to_owned(),
        dedup_key: Some("k".to_owned()),
        attempts: 3,
        last_error: "failure 3".to_owned(),
        created_at: start(),
        dead_at: start() + TimeDelta::seconds(30),
    };
    assert_eq!(t.queue.dead_letters(10).await?, [letter]);
    Ok(())
}

/// A job that kills its process each time must not do so for ever.
pub async fn a_message_whose_handlers_never_end_becomes_a_dead_letter(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("poison")).await?;
    for attempt in 1..=3 {
        assert_eq!(t.take_one().await?.attempts, attempt);
        t.advance(60);
    }
    t.queue.send(Job::new("good")).await?;
    assert_eq!(t.take_bodies().await?, ["good"]);
    let mut letters = t.queue.dead_letters(10).await?;
    assert_eq!(letters.len(), 1);
    let letter = letters
        .pop()
        .map(|l| (l.body, l.attempts, l.last_error, l.dead_at));
    let expected = (
        "poison".to_owned(),
        3,
        "the last attempt did not end before its visibility time-out".to_owned(),
        start() + TimeDelta::seconds(180),
    );
    assert_eq!(letter, Some(expected));
    Ok(())
}

/// A failure text has no rules; what is kept has.
pub async fn a_long_error_is_kept_in_part(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    for _ in 0..3 {
        let message = t.take_one().await?;
        let error = format!("a\0b{}", "é".repeat(5000));
        t.queue
            .fail(&message.receipt, Duration::ZERO, &error)
            .await?;
    }
    let errors: Vec<_> = t
        .queue
        .dead_letters(10)
        .await?
        .into_iter()
        .map(|l| l.last_error)
        .collect();
    assert_eq!(errors, [format!("a b{}", "é".repeat(998))]);
    Ok(())
}

/// One waiting job per key, also when one comes back: the same work need not be done twice.
pub async fn a_failed_job_gives_way_to_a_waiting_one_with_its_key(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("first").with_dedup_key("k")).await?;
    let first = t.take_one().await?;
    t.queue.send(Job::new("second").with_dedup_key("k")).await?;
    assert_eq!(
        t.queue.fail(&first.receipt, Duration::ZERO, "demo").await?,
        Fate::Waiting
    );
    assert_eq!(
        t.queue.depth().await?,
        Depth {
            ready: 1,
            ..Depth::default()
        }
    );
    let second = t.take_one().await?;
    assert_eq!((second.body.as_str(), second.attempts), ("second", 1));
    Ok(())
}

/// As after a failure.
pub async fn a_released_job_gives_way_to_a_waiting_one_with_its_key(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("first").with_dedup_key("k")).await?;
    let first = t.take_one().await?;
    t.queue.send(Job::new("second").with_dedup_key("k")).await?;
    assert!(t.queue.release(&first.receipt, Duration::ZERO).await?);
    assert_eq!(t.take_bodies().await?, ["second"]);
    Ok(())
}

/// A job that waits for its next attempt waits like any other: the new one brings it forward.
pub async fn a_failed_job_with_a_key_takes_in_later_ones(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x").with_dedup_key("k")).await?;
    let first = t.take_one().await?;
    t.queue
        .fail(&first.receipt, Duration::from_secs(600), "demo")
        .await?;
    assert_eq!(
        t.queue.send(Job::new("y").with_dedup_key("k")).await?,
        Sent::Merged
    );
    let again = t.take_one().await?;
    assert_eq!(
        (again.id, again.body.as_str(), again.attempts),
        (first.id, "x", 2)
    );
    Ok(())
}
