// SPDX-License-Identifier: MPL-2.0
//! The cache that several processes share. A fault costs an entry, never a request.

mod commands;
mod failure;
mod health;
mod lost;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_redis::redis::{AsyncConnectionConfig, FromRedisValue, Pipeline};
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use releng_common::{Error, Result};

use crate::Cache;
use crate::fence::{Fence, Mark};
use crate::memory::no_count;
use crate::options::Options;
use crate::redis::commands::Commands;
use crate::redis::failure::Failure;
use crate::redis::health::Health;
use crate::redis::lost::Lost;

/// Most keys that one transaction deletes.
const DELETE_AT_ONCE: usize = 500;

/// Bytes that a counter may grow to.
const COUNT_BYTES: usize = 20;

/// A cache in a Redis server.
pub struct RedisCache {
    pool: Pool,
    commands: Commands,
    /// Longest time of a call, the wait for a free connection included.
    deadline: Duration,
    ignore_faults: bool,
    max_entry_bytes: usize,
    health: Health,
    lost: Lost,
    /// Deletions that this process asked for, for fences while the server is away.
    deletions: AtomicU64,
}

impl RedisCache {
    /// Creates a cache that connects when it is first used.
    pub fn new(url: &str, options: &Options) -> Result<Self> {
        let (connect, response) = (options.connect_timeout, options.response_timeout);
        require(options.pool_size > 0, "cache: pool_size must be at least 1")?;
        require(!connect.is_zero(), "cache: connect_timeout must be above 0")?;
        require(
            !response.is_zero(),
            "cache: response_timeout must be above 0",
        )?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        let manager = Manager::new_with_config(url, config).map_err(|error| {
            Error::invalid("cache url: not a usable redis URL").with_source(error)
        })?;
        let pool = Pool::builder(manager)
            .max_size(options.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(response))
            .create_timeout(Some(connect))
            .recycle_timeout(Some(response))
            .build()
            .map_err(|error| Error::internal("cache: no connection pool").with_source(error))?;
        Ok(Self {
            pool,
            commands: Commands::new(options.prefix.clone()),
            deadline: connect.saturating_add(response),
            ignore_faults: options.ignore_faults,
            max_entry_bytes: options.max_entry_bytes,
            health: Health::new(),
            lost: Lost::default(),
            deletions: AtomicU64::new(0),
        })
    }

    /// Asks the server unless it failed a moment ago.
    async fn ask<T>(&self, operation: &'static str, question: &Pipeline) -> Result<T, Failure>
    where
        T: FromRedisValue + Send,
    {
        if self.health.admits() {
            self.ask_anyway(operation, question).await
        } else {
            self.health.failed(operation, &Failure::Paused);
            Err(Failure::Paused)
        }
    }

    async fn ask_anyway<T>(
        &self,
        operation: &'static str,
        question: &Pipeline,
    ) -> Result<T, Failure>
    where
        T: FromRedisValue + Send,
    {
        let answer = tokio::time::timeout(self.deadline, self.round_trip(question)).await;
        let answer = answer.unwrap_or(Err(Failure::Timeout));
        match &answer {
            Ok(_) => self.health.succeeded(),
            Err(failure) if failure.is_no_count() => self.health.succeeded(),
            Err(failure) => self.health.failed(operation, failure),
        }
        answer
    }

    async fn round_trip<T: FromRedisValue>(&self, question: &Pipeline) -> Result<T, Failure> {
        let mut conn = self.pool.get().await?;
        self.repeat_lost(&mut conn).await?;
        Ok(question.query_async(&mut conn).await?)
    }

    async fn repeat_lost(&self, conn: &mut Connection) -> Result<(), Failure> {
        loop {
            let batch = self.lost.batch(DELETE_AT_ONCE);
            if batch.is_empty() {
                return Ok(());
            }
            let deletions = self
                .commands
                .delete(batch.iter().map(|(key, _)| key.as_str()));
            deletions.query_async::<()>(conn).await?;
            self.lost.settle(&batch);
        }
    }

    /// Turns a failure into what an absent entry gives, or into an error, as the options say.
    fn settle<T>(
        &self,
        operation: &'static str,
        answer: Result<T, Failure>,
        absent: T,
    ) -> Result<T> {
        match answer {
            Ok(value) => Ok(value),
            Err(failure) if self.ignore_faults => {
                self.health.log_ignored(operation, &failure);
                Ok(absent)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    fn fits(&self, key: &str, value_bytes: usize) -> bool {
        key.len().saturating_add(value_bytes) <= self.max_entry_bytes
    }
}

fn require(condition: bool, message: &'static str) -> Result<()> {
    if condition {
        Ok(())
    } else {
        Err(Error::invalid(message))
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        if !self.fits(key, 0) {
            return Ok(None);
        }
        let answer = self
            .ask::<(Option<Vec<u8>>,)>("get", &self.commands.get(key))
            .await;
        let (value,) = self.settle("get", answer, (None,))?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<()> {
        if !self.fits(key, value.len()) {
            return self.delete(&[key]).await;
        }
        let answer = self
            .ask::<()>("set", &self.commands.set(key, &value, ttl))
            .await;
        if answer.is_err() {
            // The older value, if there is one, must not come back after the outage.
            self.lost.add(&[key]);
        }
        self.settle("set", answer, ())
    }

    async fn delete(&self, keys: &[&str]) -> Result<()> {
        self.deletions.fetch_add(1, Ordering::SeqCst);
        let mut outcome = Ok(());
        for chunk in keys.chunks(DELETE_AT_ONCE) {
            let deletions = self.commands.delete(chunk.iter().copied());
            let answer = self.ask::<()>("delete", &deletions).await;
            if answer.is_err() {
                self.lost.add(chunk);
            }
            outcome = outcome.and(self.settle("delete", answer, ()));
        }
        outcome
    }

    async fn set_if_absent(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<bool> {
        const OPERATION: &str = "set_if_absent";
        if !self.fits(key, value.len()) {
            let answer = self
                .ask::<(bool,)>(OPERATION, &self.commands.exists(key))
                .await;
            return Ok(!self.settle(OPERATION, answer, (false,))?.0);
        }
        let question = self.commands.set_if_absent(key, &value, ttl);
        // Redis says "OK" when it stored and nothing when it did not.
        let answer = self.ask::<(Option<String>,)>(OPERATION, &question).await;
        self.settle(OPERATION, answer.map(|(stored,)| stored.is_some()), true)
    }

    async fn incr(&self, key: &str, ttl: Option<Duration>) -> Result<u64> {
        if !self.fits(key, COUNT_BYTES) {
            return Ok(1);
        }
        match self
            .ask::<(i64,)>("incr", &self.commands.incr(key, ttl))
            .await
        {
            Ok((count,)) => u64::try_from(count).map_err(|_| no_count(key)),
            Err(failure) if failure.is_no_count() => Err(no_count(key)),
            Err(failure) => self.settle("incr", Err(failure), 1),
        }
    }

    async fn get_fenced(&self, key: &str) -> Result<(Option<Bytes>, Fence)> {
        type Answer = ((Option<Vec<u8>>, Option<Vec<u8>>),);
        let taken_at = Instant::now();
        let unreachable = Mark::Unreachable(self.deletions.load(Ordering::SeqCst));
        if !self.fits(key, 0) {
            return Ok((None, Fence::new(unreachable, taken_at)));
        }
        let answer = self
            .ask::<Answer>("get", &self.commands.get_fenced(key))
            .await;
        let answer = answer.map(|((value, trace),)| (value, Mark::Remote(trace)));
        let (value, mark) = self.settle("get", answer, (None, unreachable))?;
        Ok((value.map(Bytes::from), Fence::new(mark, taken_at)))
    }

    async fn set_fenced(
        &self,
        key: &str,
        value: Bytes,
        ttl: Option<Duration>,
        fence: &Fence,
    ) -> Result<bool> {
        let Mark::Remote(trace) = fence.mark() else {
            return Ok(false);
        };
        if fence.is_too_old() || !self.fits(key, value.len()) {
            return Ok(false);
        }
        let seen = trace.as_deref().unwrap_or_default();
        let question = self.commands.set_fenced(key, &value, ttl, seen);
        let answer = self.ask::<(bool,)>("set_fenced", &question).await;
        self.settle("set_fenced", answer.map(|(stored,)| stored), false)
    }

    async fn check(&self) -> Result<()> {
        self.ask_anyway::<(String,)>("check", &self.commands.ping())
            .await?;
        Ok(())
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache")
            .field("prefix", &self.commands.prefix())
            .field("ignore_faults", &self.ignore_faults)
            .finish_non_exhaustive()
    }
}
