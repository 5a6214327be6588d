// SPDX-License-Identifier: MPL-2.0
//! The queue of one process, gone with it: for tests, and for work that may be lost.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use releng_common::{Clock, Result};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::limits::{
    MAX_LISTED, NOT_FINISHED, check_delay, check_job, check_name, check_visibility, full,
    kept_error,
};
use crate::metric::{MetricName, count};
use crate::moment::after;
use crate::{DeadLetter, Depth, Fate, Job, Limits, MAX_BATCH, Message, Queue, Receipt, Sent};

/// A queue in memory.
pub struct MemoryQueue {
    name: String,
    clock: Clock,
    limits: Limits,
    arrivals: Notify,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    last_id: u64,
    by_id: BTreeMap<u64, Row>,
}

/// A job, as the table of the other backend has it.
struct Row {
    body: String,
    dedup_key: Option<String>,
    visible_at: NaiveDateTime,
    attempts: u32,
    receipt: Option<Receipt>,
    created_at: NaiveDateTime,
    dead_at: Option<NaiveDateTime>,
    last_error: String,
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryQueue({})", self.name)
    }
}

impl MemoryQueue {
    /// Creates an empty queue.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name or bad limits.
    pub fn new(name: &str, clock: Clock, limits: Limits) -> Result<Self> {
        check_name(name)?;
        let limits = limits.check()?;
        let (arrivals, jobs) = (Notify::new(), Mutex::default());
        Ok(Self {
            name: name.to_owned(),
            clock,
            limits,
            arrivals,
            jobs,
        })
    }

    fn now(&self) -> NaiveDateTime {
        self.clock.now().naive_utc()
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn is_waiting(&self) -> bool {
        self.receipt.is_none() && self.dead_at.is_none()
    }

    fn bury(&mut self, now: NaiveDateTime, error: String) {
        self.receipt = None;
        self.dead_at = Some(now);
        self.last_error = error;
    }
}

impl Jobs {
    /// Adds a job, or merges it. Returns nothing when there is no room.
    fn add(&mut self, job: Job, now: NaiveDateTime, max_jobs: u32) -> Option<Sent> {
        let visible_at = after(now, job.delay);
        if let Some(row) = self.waiting(job.dedup_key.as_deref()) {
            row.visible_at = row.visible_at.min(visible_at);
            return Some(Sent::Merged);
        }
        let alive = self
            .by_id
            .values()
            .filter(|row| row.dead_at.is_none())
            .count();
        if u32::try_from(alive).is_ok_and(|alive| alive >= max_jobs) {
            return None;
        }
        self.last_id += 1;
        let row = Row {
            body: job.body,
            dedup_key: job.dedup_key,
            visible_at,
            attempts: 0,
            receipt: None,
            created_at: now,
            dead_at: None,
            last_error: String::new(),
        };
        self.by_id.insert(self.last_id, row);
        Some(Sent::Added)
    }

    fn waiting(&mut self, key: Option<&str>) -> Option<&mut Row> {
        let key = key?;
        self.by_id
            .values_mut()
            .find(|row| row.is_waiting() && row.dedup_key.as_deref() == Some(key))
    }

    fn held(&self, receipt: &Receipt) -> Option<u64> {
        let mut rows = self.by_id.iter();
        rows.find(|(_, row)| row.receipt.as_ref() == Some(receipt))
            .map(|(id, _)| *id)
    }

    fn is_dead(&self, id: u64) -> bool {
        self.by_id.get(&id).is_some_and(|row| row.dead_at.is_some())
    }

    /// Returns the ids of what is visible, in the order of delivery.
    fn due(&self, now: NaiveDateTime) -> Vec<u64> {
        let is_due = |row: &Row| row.dead_at.is_none() && row.visible_at <= now;
        let mut due: Vec<_> = self
            .by_id
            .iter()
            .filter(|(_, row)| is_due(row))
            .map(|(id, row)| (row.visible_at, *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Makes a job wait, unless one with its key does: then that one does the work.
    fn wait_or_merge(&mut self, id: u64, visible_at: NaiveDateTime) {
        let Some(mut row) = self.by_id.remove(&id) else {
            return;
        };
        if self.waiting(row.dedup_key.as_deref()).is_none() {
            row.receipt = None;
            row.dead_at = None;
            row.visible_at = visible_at;
            self.by_id.insert(id, row);
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    fn name(&self) -> &str {
        &self.name
    }

    fn arrivals(&self) -> &Notify {
        &self.arrivals
    }

    async fn send(&self, job: Job) -> Result<Sent> {
        check_job(&job)?;
        let added = self.jobs().add(job, self.now(), self.limits.max_jobs);
        let sent = added.ok_or_else(|| full(&self.name))?;
        let metric = match sent {
            Sent::Added => MetricName::Sent,
            Sent::Merged => MetricName::Merged,
        };
        count(metric, &self.name, 1);
        self.arrivals.notify_one();
        Ok(sent)
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Message>> {
        check_visibility(visibility)?;
        let now = self.now();
        let mut jobs = self.jobs();
        let mut messages = Vec::new();
        for id in jobs.due(now).into_iter().take(max.min(MAX_BATCH)) {
            let Some(row) = jobs.by_id.get_mut(&id) else {
                continue;
            };
            if row.attempts >= self.limits.max_attempts {
                row.bury(now, NOT_FINISHED.to_owned());
                count(MetricName::Dead, &self.name, 1);
                continue;
            }
            let receipt = Receipt::new(Uuid::new_v4().simple().to_string());
            row.receipt = Some(receipt.clone());
            row.attempts += 1;
            row.visible_at = after(now, visibility);
            let (body, attempts) = (row.body.clone(), row.attempts);
            messages.push(Message {
                id: id.to_string(),
                receipt,
                body,
                attempts,
            });
        }
        Ok(messages)
    }

    async fn delete(&self, receipt: &Receipt) -> Result<bool> {
        let mut jobs = self.jobs();
        let Some(id) = jobs.held(receipt) else {
            return Ok(false);
        };
        Ok(jobs.by_id.remove(&id).is_some())
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<bool> {
        check_visibility(visibility)?;
        let until = after(self.now(), visibility);
        let mut jobs = self.jobs();
        let held = jobs.held(receipt);
        let Some(row) = held.and_then(|id| jobs.by_id.get_mut(&id)) else {
            return Ok(false);
        };
        row.visible_at = until;
        Ok(true)
    }

    async fn release(&self, receipt: &Receipt, delay: Duration) -> Result<bool> {
        check_delay(delay)?;
        let from = after(self.now(), delay);
        let mut jobs = self.jobs();
        let Some(id) = jobs.held(receipt) else {
            return Ok(false);
        };
        if let Some(row) = jobs.by_id.get_mut(&id) {
            row.attempts = row.attempts.saturating_sub(1);
        }
        jobs.wait_or_merge(id, from);
        drop(jobs);
        self.arrivals.notify_one();
        Ok(true)
    }

    async fn fail(&self, receipt: &Receipt, delay: Duration, error: &str) -> Result<Fate> {
        check_delay(delay)?;
        let now = self.now();
        let mut jobs = self.jobs();
        let held = jobs.held(receipt);
        let Some((id, row)) = held.and_then(|id| Some((id, jobs.by_id.get_mut(&id)?))) else {
            return Ok(Fate::NotOurs);
        };
        if row.attempts >= self.limits.max_attempts {
            row.bury(now, kept_error(error));
            count(MetricName::Dead, &self.name, 1);
            return Ok(Fate::Dead);
        }
        row.last_error = kept_error(error);
        jobs.wait_or_merge(id, after(now, delay));
        Ok(Fate::Waiting)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        let jobs = self.jobs();
        let mut dead: Vec<_> = jobs
            .by_id
            .iter()
            .filter_map(|(id, row)| row.dead_at.map(|dead_at| (dead_at, *id, row)))
            .collect();
        dead.sort_unstable_by_key(|(dead_at, id, _)| std::cmp::Reverse((*dead_at, *id)));
        let letter = |(dead_at, id, row): (NaiveDateTime, u64, &Row)| DeadLetter {
            id: id.to_string(),
            body: row.body.clone(),
            dedup_key: row.dedup_key.clone(),
            attempts: row.attempts,
            last_error: row.last_error.clone(),
            created_at: row.created_at.and_utc(),
            dead_at: dead_at.and_utc(),
        };
        Ok(dead
            .into_iter()
            .take(limit.min(MAX_LISTED))
            .map(letter)
            .collect())
    }

    async fn redrive(&self, id: &str) -> Result<bool> {
        let now = self.now();
        let mut jobs = self.jobs();
        let Some(id) = id.parse().ok().filter(|id| jobs.is_dead(*id)) else {
            return Ok(false);
        };
        if let Some(row) = jobs.by_id.get_mut(&id) {
            row.attempts = 0;
        }
        jobs.wait_or_merge(id, now);
        drop(jobs);
        self.arrivals.notify_one();
        Ok(true)
    }

    async fn discard(&self, id: &str) -> Result<bool> {
        let mut jobs = self.jobs();
        let Some(id) = id.parse().ok().filter(|id| jobs.is_dead(*id)) else {
            return Ok(false);
        };
        Ok(jobs.by_id.remove(&id).is_some())
    }

    async fn depth(&self) -> Result<Depth> {
        let now = self.now();
        let mut depth = Depth::default();
        for row in self.jobs().by_id.values() {
            let state = match (row.dead_at, &row.receipt) {
                (Some(_), _) => &mut depth.dead,
                (None, _) if row.visible_at <= now => &mut depth.ready,
                (None, None) => &mut depth.delayed,
                (None, Some(_)) => &mut depth.in_flight,
            };
            *state += 1;
        }
        Ok(depth)
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}
