// SPDX-License-Identifier: MPL-2.0
//! Cases about messages that are taken, and their receipts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use releng_common::{Kind, Result};
use tokio::task::JoinSet;

use super::{Fixture, MINUTE};
use crate::{Depth, Fate, Job, Message, Receipt};

/// What a process leaves behind that dies: the message comes again, by itself.
pub async fn a_taken_message_is_hidden_until_its_time_out(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let first = t.take_one().await?;
    t.advance(59);
    assert_eq!(t.take().await?, []);
    t.advance(1);
    let second = t.take_one().await?;
    assert_ne!(second.receipt, first.receipt);
    let Message { id, body, .. } = first;
    assert_eq!(
        second,
        Message {
            id,
            body,
            attempts: 2,
            receipt: second.receipt.clone()
        }
    );
    Ok(())
}

/// The rest stays for others.
pub async fn receive_takes_no_more_than_asked(t: &Fixture) -> Result<()> {
    for body in ["a", "b", "c"] {
        t.queue.send(Job::new(body)).await?;
    }
    assert_eq!(t.queue.receive(0, MINUTE).await?, []);
    let two = t.queue.receive(2, MINUTE).await?;
    assert_eq!(
        two.into_iter().map(|m| m.body).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let rest = t.queue.receive(usize::MAX, MINUTE).await?;
    assert_eq!(rest.into_iter().map(|m| m.body).collect::<Vec<_>>(), ["c"]);
    Ok(())
}

/// A visibility of nothing would hand one message to everybody.
pub async fn a_visibility_out_of_bounds_is_refused(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let message = t.take_one().await?;
    for visibility in [Duration::ZERO, Duration::from_millis(43_200_001)] {
        let refused = [
            t.queue.receive(1, visibility).await.err(),
            t.queue.extend(&message.receipt, visibility).await.err(),
        ];
        for error in refused {
            let error = error.as_ref().map(|e| (e.kind(), e.message()));
            let expected = (Kind::InvalidInput, "visibility: must be 1 ms to 43200 s");
            assert_eq!(error, Some(expected));
        }
    }
    Ok(())
}

/// The new time-out counts from the extension.
pub async fn an_extended_message_stays_hidden(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let message = t.take_one().await?;
    t.advance(50);
    assert!(t.queue.extend(&message.receipt, MINUTE).await?);
    t.advance(59);
    assert_eq!(t.take().await?, []);
    t.advance(1);
    assert_eq!(t.take_bodies().await?, ["x"]);
    Ok(())
}

/// Work that took too long is not done twice without need.
pub async fn a_late_receipt_holds_while_nobody_took_the_message(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let message = t.take_one().await?;
    t.advance(3600);
    assert!(t.queue.extend(&message.receipt, MINUTE).await?);
    assert_eq!(t.take().await?, []);
    t.advance(3600);
    assert!(t.queue.delete(&message.receipt).await?);
    assert_eq!(t.take().await?, []);
    Ok(())
}

/// Whoever was too slow cannot disturb the next one.
pub async fn a_receipt_has_no_effect_once_another_took_the_message(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let slow = t.take_one().await?;
    t.advance(60);
    let next = t.take_one().await?;
    refuse(t, &slow.receipt).await?;
    assert_eq!(
        t.queue.depth().await?,
        Depth {
            in_flight: 1,
            ..Depth::default()
        }
    );
    t.advance(59);
    assert_eq!(t.take().await?, []);
    assert!(t.queue.delete(&next.receipt).await?);
    Ok(())
}

/// Neither have those of other queues and of nobody.
pub async fn a_receipt_has_no_effect_once_the_message_is_deleted(t: &Fixture) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    let message = t.take_one().await?;
    assert!(t.queue.delete(&message.receipt).await?);
    refuse(t, &message.receipt).await?;
    refuse(t, &Receipt::new("no such receipt")).await?;
    refuse(t, &Receipt::new("")).await?;
    assert_eq!(t.queue.depth().await?, Depth::default());
    Ok(())
}

async fn refuse(t: &Fixture, receipt: &Receipt) -> Result<()> {
    assert!(!t.queue.extend(receipt, MINUTE).await?);
    assert!(!t.queue.release(receipt, Duration::ZERO).await?);
    assert_eq!(
        t.queue.fail(receipt, Duration::ZERO, "demo").await?,
        Fate::NotOurs
    );
    assert!(!t.queue.delete(receipt).await?);
    Ok(())
}

/// Giving back is no failure, however often.
pub async fn a_released_message_comes_after_its_delay_and_its_attempt_does_not_count(
    t: &Fixture,
) -> Result<()> {
    t.queue.send(Job::new("x")).await?;
    for _ in 0..5 {
        let message = t.take_one().await?;
        assert_eq!(message.attempts, 1);
        assert!(
            t.queue
                .release(&message.receipt, Duration::from_secs(10))
                .await?
        );
        assert_eq!(
            t.queue.depth().await?,
            Depth {
                delayed: 1,
                ..Depth::default()
            }
        );
        t.advance(9);
        assert_eq!(t.take().await?, []);
        t.advance(1);
    }
    let message = t.take_one().await?;
    let error = t
        .queue
        .release(&message.receipt, Duration::from_secs(2_592_001))
        .await
        .err();
    assert_eq!(error.map(|e| e.kind()), Some(Kind::InvalidInput));
    Ok(())
}

/// Each message has one owner at a time.
pub async fn many_receivers_never_get_the_same_message(t: &Fixture) -> Result<()> {
    for number in 0..20 {
        t.queue.send(Job::new(number.to_string())).await?;
    }
    let mut receivers = JoinSet::new();
    for _ in 0..6 {
        let queue = Arc::clone(&t.queue);
        receivers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                match queue.receive(2, MINUTE).await {
                    Ok(messages) if messages.is_empty() => return Ok(mine),
                    Ok(messages) => mine.extend(messages.into_iter().map(|m| m.id)),
                    Err(error) => return Err(error),
                }
            }
        });
    }
    let mut taken = Vec::new();
    for mine in receivers.join_all().await {
        taken.extend(mine?);
    }
    // Rows that another receiver has locked look absent, so the last ones may be left over.
    taken.extend(
        t.queue
            .receive(100, MINUTE)
            .await?
            .into_iter()
            .map(|m| m.id),
    );
    assert_eq!(taken.len(), 20);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 20);
    Ok(())
}
