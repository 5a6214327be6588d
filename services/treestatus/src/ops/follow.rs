// SPDX-License-Identifier: MPL-2.0
//! Hands on what is committed to those who listen at this process.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use releng_common::{Error, Result};
use tokio_util::sync::CancellationToken;

use super::feed::{feed_after, feed_start};
use super::outbox::outbox_prune;
use crate::domain::Cursor;
use crate::feed::{News, Told};
use crate::{State, repo};

/// Pause between two looks whether anything was committed; one look costs some microseconds.
const LOOK: Duration = Duration::from_millis(200);
/// Longest pause while that cannot be found out.
const LOOK_IN_TROUBLE: Duration = Duration::from_secs(2);
/// Pause between two removals of old events.
const PRUNE: Duration = Duration::from_secs(600);

/// Hands on what is committed, by this process or another, until `cancel`. Old events are removed.
pub async fn feed_follow(state: &State, cancel: CancellationToken) {
    let mut follower = Follower::default();
    let mut pruned: Option<tokio::time::Instant> = None;
    while !cancel.is_cancelled() {
        let pause = follower.turn(state).await;
        if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
            pruned = Some(tokio::time::Instant::now());
            if let Err(error) = feed_prune(state).await {
                tracing::warn!(error = error.chain(), "old events are not removed");
            }
            if let Err(error) = outbox_prune(state).await {
                tracing::warn!(error = error.chain(), "old messages are not removed");
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is known of the feed.
#[derive(Default)]
struct Follower {
    /// The newest event that was handed on.
    place: Option<Cursor>,
    /// The state of the database in which that was the newest.
    seen: Option<releng_db::Token>,
    trouble: Option<Trouble>,
}

/// Why the feed waits.
struct Trouble {
    text: String,
    pause: Duration,
}

impl Follower {
    /// Hands on what there is and returns the pause until the next look.
    async fn turn(&mut self, state: &State) -> Duration {
        match self.step(state).await {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("the change feed goes on");
                    state.feed.tell(News::Fresh);
                }
                LOOK
            }
            Err(error) => self.wait(state, &error),
        }
    }

    /// Notes that nobody knows what happens. Each cause is said once: it may last for a night.
    fn wait(&mut self, state: &State, error: &Error) -> Duration {
        let before = self.trouble.take();
        if before.is_none() {
            state.feed.tell(News::Stale);
        }
        if before.as_ref().is_none_or(|t| t.text != error.message()) {
            tracing::warn!(error = error.chain(), "the change feed waits");
        }
        let pause = before.map_or(LOOK, |t| (t.pause * 2).min(LOOK_IN_TROUBLE));
        let text = error.message().to_owned();
        self.trouble = Some(Trouble { text, pause });
        pause
    }

    async fn step(&mut self, state: &State) -> Result<()> {
        let token = state.db.changes().current().await?;
        if self.seen.as_ref() == Some(&token) {
            return Ok(());
        }
        let mut cursor = self.start(state).await?;
        loop {
            self.place = Some(cursor);
            let events = feed_after(state, cursor).await?;
            let Some(last) = events.last() else { break };
            cursor = last.cursor;
            for event in events {
                state.feed.tell(News::Event(Arc::new(Told::new(event))));
            }
        }
        self.seen = Some(token);
        Ok(())
    }

    /// Returns the place to go on from.
    async fn start(&mut self, state: &State) -> Result<Cursor> {
        let Some(place) = self.place else {
            let newest = feed_start(state, None).await?.0;
            self.place = Some(newest);
            // What was committed before this process followed the feed was not handed on.
            state.feed.tell(News::LookYourself);
            return Ok(newest);
        };
        if self.trouble.is_none() {
            return Ok(place);
        }
        // The database that is back may be a copy that knows less than the one that went.
        let (start, is_reset) = feed_start(state, Some(place)).await?;
        if is_reset {
            self.place = Some(start);
            state.feed.tell(News::Reset(start));
        }
        Ok(start)
    }
}

/// Removes events that nobody resumes from any more.
async fn feed_prune(state: &State) -> Result<()> {
    let kept = TimeDelta::seconds(state.settings.own.events_keep_secs);
    let before = (state.clock.now() - kept).naive_utc();
    let removed = state
        .db
        .write_behind(move |conn| Ok(repo::event_prune_in_txn(conn, before)?))
        .await?;
    if removed > 0 {
        tracing::debug!(removed, "old events are removed");
    }
    Ok(())
}
