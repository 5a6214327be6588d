// SPDX-License-Identifier: MPL-2.0
//! The queue in a table of the service's own database. PostgreSQL gives each message to one of many
//! processes with row locks that others skip; SQLite has one writer anyway.

mod count;
mod give_back;
mod letters;
mod row;
mod schema;
mod send;
mod take;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use releng_common::{Clock, Result};
use releng_db::{AnyConnection, Db, Migrations, TxResult};
use tokio::sync::Notify;

use crate::limits::{check_delay, check_job, check_name, check_visibility, kept_error};
use crate::metric::{MetricName, count};
use crate::moment::after;
use crate::{DeadLetter, Depth, Fate, Job, Limits, MAX_BATCH, Message, Queue, Receipt, Sent};

pub use send::send_in_txn;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Returns the migrations of the table `releng_jobs`. A service runs them besides its own, with
/// `releng_db::migrate`, in any order.
pub fn migrations() -> Migrations {
    Migrations {
        sqlite: SQLITE,
        postgres: POSTGRES,
    }
}

/// A queue in a database. Clones share the notification of what is sent.
#[derive(Clone)]
pub struct DbQueue {
    db: Db,
    name: Arc<str>,
    clock: Clock,
    limits: Limits,
    arrivals: Arc<Notify>,
}

impl fmt::Debug for DbQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbQueue({})", self.name)
    }
}

impl DbQueue {
    /// Opens a queue by its name; all queues of a database share one table.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name or bad limits.
    pub fn new(db: Db, name: &str, clock: Clock, limits: Limits) -> Result<Self> {
        check_name(name)?;
        let limits = limits.check()?;
        Ok(Self {
            db,
            name: name.into(),
            clock,
            limits,
            arrivals: Arc::default(),
        })
    }

    /// Sends a job in the transaction of the caller: it exists exactly if the transaction commits.
    /// Call [`DbQueue::wake`] after the commit; otherwise consumers find the job when they poll. Not
    /// counted as sent: whether it commits is not known here.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub fn send_in_txn(&self, conn: &mut AnyConnection, job: &Job) -> TxResult<Sent> {
        check_job(job)?;
        send::insert(conn, &self.name, job, self.now(), self.limits.max_jobs)
    }

    /// Sends many jobs in the transaction of the caller, as [`DbQueue::send_in_txn`] does one, all or
    /// none. Returns how many are jobs of their own; the others were merged.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub fn send_all_in_txn(&self, conn: &mut AnyConnection, jobs: &[Job]) -> TxResult<usize> {
        for job in jobs {
            check_job(job)?;
        }
        send::insert_all(conn, &self.name, jobs, self.now(), self.limits.max_jobs)
    }

    /// Lets a consumer of this process look for jobs at once.
    pub fn wake(&self) {
        self.arrivals.notify_one();
    }

    fn now(&self) -> NaiveDateTime {
        self.clock.now().naive_utc()
    }
}

#[async_trait]
impl Queue for DbQueue {
    fn name(&self) -> &str {
        &self.name
    }

    fn arrivals(&self) -> &Notify {
        &self.arrivals
    }

    async fn send(&self, job: Job) -> Result<Sent> {
        check_job(&job)?;
        let (name, now, max) = (Arc::clone(&self.name), self.now(), self.limits.max_jobs);
        let sent = self
            .db
            .write_behind(move |conn| send::insert(conn, &name, &job, now, max))
            .await?;
        let metric = match sent {
            Sent::Added => MetricName::Sent,
            Sent::Merged => MetricName::Merged,
        };
        count(metric, &self.name, 1);
        self.wake();
        Ok(sent)
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Message>> {
        check_visibility(visibility)?;
        if max == 0 {
            return Ok(Vec::new());
        }
        let now = self.now();
        let order = take::Order {
            queue: Arc::clone(&self.name),
            max: i64::try_from(max.min(MAX_BATCH)).unwrap_or(1),
            now,
            until: after(now, visibility),
            max_attempts: i32::try_from(self.limits.max_attempts).unwrap_or(i32::MAX),
        };
        let taken = self
            .db
            .write_behind(move |conn| take::take(conn, &order))
            .await?;
        count(MetricName::Dead, &self.name, taken.dead);
        Ok(taken.messages)
    }

    async fn delete(&self, receipt: &Receipt) -> Result<bool> {
        let (name, receipt) = (Arc::clone(&self.name), receipt.clone());
        self.db
            .write_behind(move |conn| give_back::delete(conn, &name, &receipt))
            .await
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<bool> {
        check_visibility(visibility)?;
        let (name, receipt) = (Arc::clone(&self.name), receipt.clone());
        let until = after(self.now(), visibility);
        self.db
            .write_behind(move |conn| give_back::extend(conn, &name, &receipt, until))
            .await
    }

    async fn release(&self, receipt: &Receipt, delay: Duration) -> Result<bool> {
        check_delay(delay)?;
        let (name, receipt) = (Arc::clone(&self.name), receipt.clone());
        let from = after(self.now(), delay);
        let released = self
            .db
            .write_behind(move |conn| give_back::release(conn, &name, &receipt, from))
            .await?;
        self.wake();
        Ok(released)
    }

    async fn fail(&self, receipt: &Receipt, delay: Duration, error: &str) -> Result<Fate> {
        check_delay(delay)?;
        let (name, receipt) = (Arc::clone(&self.name), receipt.clone());
        let now = self.now();
        let failed = give_back::Failed {
            error: kept_error(error),
            now,
            from: after(now, delay),
            max_attempts: i32::try_from(self.limits.max_attempts).unwrap_or(i32::MAX),
        };
        let fate = self
            .db
            .write_behind(move |conn| give_back::fail(conn, &name, &receipt, &failed))
            .await?;
        count(MetricName::Dead, &self.name, u64::from(fate == Fate::Dead));
        Ok(fate)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        let name = Arc::clone(&self.name);
        self.db
            .read(move |conn| letters::list(conn, &name, limit))
            .await
    }

    async fn redrive(&self, id: &str) -> Result<bool> {
        let Ok(id) = id.parse() else { return Ok(false) };
        let (name, now) = (Arc::clone(&self.name), self.now());
        let found = self
            .db
            .write_behind(move |conn| letters::redrive(conn, &name, id, now))
            .await?;
        self.wake();
        Ok(found)
    }

    async fn discard(&self, id: &str) -> Result<bool> {
        let Ok(id) = id.parse() else { return Ok(false) };
        let name = Arc::clone(&self.name);
        self.db
            .write_behind(move |conn| letters::discard(conn, &name, id))
            .await
    }

    async fn depth(&self) -> Result<Depth> {
        let (name, now) = (Arc::clone(&self.name), self.now());
        self.db
            .read(move |conn| count::depth(conn, &name, now))
            .await
    }

    async fn check(&self) -> Result<()> {
        self.db.check().await
    }
}
