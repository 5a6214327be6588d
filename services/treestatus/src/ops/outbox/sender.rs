// SPDX-License-Identifier: MPL-2.0
//! The loop that sends what waits for one target. Of several processes on one database one sends: it
//! holds a lease for as long as there is something to send. The lease saves repetitions; order does
//! not depend on it, because nobody sends a message before the earlier ones are known to be sent.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::Result;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{age_secs, backlog, mail, page, pulse};
use crate::domain::{Ending, Message, Target, pause};
use crate::metric::MetricName;
use crate::{State, repo};

/// Pause between two looks whether anything was committed; one look costs some microseconds.
const LOOK: Duration = Duration::from_millis(200);
/// Longest pause between two looks whether the one who sends has left.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Pause between two measurements while nothing can be sent.
const MEASURE: Duration = Duration::from_secs(5);
/// Longest time for what still waits when the process ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// Messages that are read at once.
const STRIDE: i64 = 100;

/// One target and what this process knows of it.
pub(super) struct Sender<'a> {
    pub(super) state: &'a State,
    pub(super) target: Target,
    holder: String,
    /// The state of the database in which nothing waited.
    empty: Option<releng_db::Token>,
    failures: u32,
    rests_until: Option<Instant>,
    measured: Option<Instant>,
    /// When the lease was taken last.
    leased: Instant,
}

/// Sends what waits for a target, and what comes, until `cancel`; then what still waits, if that goes
/// quickly.
pub async fn outbox_follow(state: &State, target: Target, cancel: CancellationToken) {
    let mut sender = Sender::new(state, target);
    while !cancel.is_cancelled() {
        let pause = {
            let mut turn = std::pin::pin!(sender.turn());
            tokio::select! {
                pause = &mut turn => pause,
                () = cancel.cancelled() => {
                    let ended = tokio::time::timeout(FAREWELL, turn).await;
                    ended.unwrap_or_default()
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // The last requests may have changed something after the last look.
    let _ = tokio::time::timeout(FAREWELL, sender.turn()).await;
    if let Some(publisher) = state.pulse.as_ref().filter(|_| target == Target::Pulse) {
        publisher.close().await;
    }
}

impl<'a> Sender<'a> {
    fn new(state: &'a State, target: Target) -> Self {
        Self {
            state,
            target,
            holder: uuid::Uuid::new_v4().to_string(),
            empty: None,
            failures: 0,
            rests_until: None,
            measured: None,
            leased: Instant::now(),
        }
    }

    /// Sends what can be sent and returns the pause until the next look.
    async fn turn(&mut self) -> Duration {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            self.measure_sometimes().await;
            return LOOK;
        }
        match self.look().await {
            Ok(pause) => pause,
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let rest = pause(self.failures, self.state.settings.notices.pause_max());
                self.rests_until = Some(Instant::now() + rest);
                tracing::warn!(
                    target_name = self.target.as_str(),
                    error = error.chain(),
                    "messages wait for {}",
                    self.target.as_str()
                );
                LOOK
            }
        }
    }

    async fn look(&mut self) -> Result<Duration> {
        let token = self.state.db.changes().current().await?;
        if self.empty.as_ref() == Some(&token) {
            return Ok(LOOK);
        }
        if !self.measure().await? {
            self.empty = Some(token);
            return Ok(LOOK);
        }
        let (target, holder) = (self.target, self.holder.clone());
        let other_ms = self
            .state
            .db
            .read(move |conn| Ok(repo::sender_other(conn, target, &holder)?))
            .await?;
        if other_ms > 0 {
            let left = Duration::from_millis(other_ms.unsigned_abs());
            return Ok(left.clamp(LOOK, LOOK_AGAIN));
        }
        // Taking the lease is a commit: only for something to do.
        if self.due().await?.is_empty() || !self.lease().await? {
            return Ok(LOOK);
        }
        let sent = match self.target {
            Target::Pulse => pulse::send(self).await,
            Target::Statuspage => page::send(self).await,
            Target::Mail => mail::send(self).await,
        };
        self.leave().await;
        sent?;
        self.failures = 0;
        self.measure().await?;
        Ok(LOOK)
    }

    /// Takes or renews the lease; returns whether it is ours.
    pub(super) async fn lease(&mut self) -> Result<bool> {
        let (target, holder) = (self.target, self.holder.clone());
        let lease_ms = i64::try_from(self.lease_time().as_millis()).unwrap_or(i64::MAX);
        let asked = Instant::now();
        let is_ours = self
            .state
            .db
            .write_behind(move |conn| {
                Ok(repo::sender_take_in_txn(conn, target, &holder, lease_ms)?)
            })
            .await?;
        if is_ours {
            self.leased = asked;
        }
        Ok(is_ours)
    }

    /// Returns whether the lease must be renewed before anything else is sent.
    pub(super) fn is_lease_old(&self) -> bool {
        self.leased.elapsed() > self.lease_time() / 2
    }

    fn lease_time(&self) -> Duration {
        let own = &self.state.settings.notices.own;
        let lease = Duration::from_secs(own.outbox_lease_secs);
        match self.target {
            Target::Pulse => lease,
            // The longest that one message takes comes on top.
            Target::Statuspage | Target::Mail => lease + self.patience(),
        }
    }

    /// Returns whether so much time has passed since the change that nothing is tried again.
    pub(super) fn is_late(&self, message: &Message) -> bool {
        let age = self.state.clock.now().naive_utc() - message.at;
        age >= TimeDelta::seconds(self.state.settings.notices.own.statuspage_retry_secs)
    }

    /// Returns when a message that has just failed is tried again.
    pub(super) fn next_try(&self, message: &Message) -> NaiveDateTime {
        let attempts = u32::try_from(message.attempts).unwrap_or(0) + 1;
        let rest = pause(attempts, self.state.settings.notices.pause_max());
        self.state.clock.now().naive_utc() + TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX)
    }

    /// Returns the longest time that one message to Statuspage, or one mail, may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.state.settings.notices.own.statuspage_timeout_secs) * 2
    }

    async fn leave(&self) {
        let (target, holder) = (self.target, self.holder.clone());
        let left = self
            .state
            .db
            .write_behind(move |conn| Ok(repo::sender_leave_in_txn(conn, target, &holder)?))
            .await;
        if let Err(error) = left {
            tracing::debug!(error = error.chain(), "the lease ends by itself");
        }
    }

    /// Returns the oldest messages that wait.
    pub(super) async fn waiting(&self) -> Result<Vec<Message>> {
        let target = self.target;
        self.state
            .db
            .read(move |conn| Ok(repo::outbox_waiting(conn, target, STRIDE)?))
            .await
    }

    /// Returns those whose time has come.
    pub(super) async fn due(&self) -> Result<Vec<Message>> {
        let now = self.state.clock.now().naive_utc();
        let mut waiting = self.waiting().await?;
        waiting.retain(|message| message.next_at.is_none_or(|at| at <= now));
        Ok(waiting)
    }

    /// Ends messages.
    pub(super) async fn end(&self, ids: Vec<i64>, ending: Ending) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let (count, now) = (ids.len(), self.state.clock.now().naive_utc());
        self.state
            .db
            .write_behind(move |conn| Ok(repo::outbox_end_in_txn(conn, &ids, now, ending)?))
            .await?;
        match ending {
            Ending::Sent => MetricName::Sent.add(self.target, count),
            Ending::GivenUp => MetricName::GivenUp.add(self.target, count),
            Ending::Superseded => {}
        }
        Ok(())
    }

    /// Reports how much waits; returns whether anything does.
    async fn measure(&mut self) -> Result<bool> {
        let backlog = backlog(self.state, self.target).await?;
        let secs = age_secs(backlog, self.state.clock.now().naive_utc());
        MetricName::Waiting.set(self.target, backlog.count);
        MetricName::Oldest.set(self.target, secs);
        self.measured = Some(Instant::now());
        Ok(backlog.count > 0)
    }

    async fn measure_sometimes(&mut self) {
        if self.measured.is_none_or(|at| at.elapsed() >= MEASURE)
            && let Err(error) = self.measure().await
        {
            tracing::debug!(error = error.chain(), "the outbox is not measured");
        }
    }
}
