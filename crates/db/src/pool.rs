// SPDX-License-Identifier: MPL-2.0
//! The pool, and the two ways in: `read` and `write`.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::r2d2::{Pool, PooledConnection};
use releng_common::config::Common;
use releng_common::{Error, Kind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::changes::SETTLING;
use crate::connection::{AnyConnection, Backend, Manager, sqlite_path};
use crate::failure::Failure;
use crate::schema::Schema;
use crate::{Changes, Migrations, TxResult, on_backend};

/// Tries of a transaction that the database takes back because of another one.
const TRIES: u32 = 5;

const NO_ANSWER: &str = "the database does not answer";
pub(crate) const BUSY: &str = "the database is busy";

/// A database. Clones share the pool.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Manager>,
    backend: Backend,
    timeout: Duration,
    /// SQLite has one writer: waiting here is cheaper and fairer than SQLite's own busy loop. On
    /// PostgreSQL writers that wait for each other's locks must leave connections for readers.
    writers: Arc<Semaphore>,
    /// As many as there are connections. Who waits for one waits here: each thread that blocks instead
    /// costs memory that stays for as long as the process is busy.
    places: Arc<Semaphore>,
    changes: Changes,
    is_settling: bool,
    schema: Arc<Schema>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.backend)
    }
}

impl Db {
    /// Opens the database of the settings. Connections are made when they are needed, so a
    /// PostgreSQL that is down shows on the heartbeat and not as a crash loop.
    ///
    /// # Errors
    /// Unknown scheme, or a SQLite folder that cannot be made.
    pub fn open(settings: &Common) -> Result<Self> {
        if !(1..=3600).contains(&settings.database_timeout_secs) {
            let text = "DATABASE_TIMEOUT_SECONDS: must be a number from 1 to 3600";
            return Err(Error::invalid(text));
        }
        if !(1..=1000).contains(&settings.database_pool_size) {
            let text = "DATABASE_POOL_SIZE: must be a number from 1 to 1000";
            return Err(Error::invalid(text));
        }
        let timeout = Duration::from_secs(settings.database_timeout_secs);
        Self::connect(&settings.database_url, settings.database_pool_size, timeout)
    }

    /// Opens a database by its URL.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn connect(url: &str, size: u32, timeout: Duration) -> Result<Self> {
        let backend = Backend::of(url).map_err(Error::invalid)?;
        if backend == Backend::Sqlite {
            make_folder(sqlite_path(url))?;
        }
        let writers = match backend {
            Backend::Sqlite => 1,
            Backend::Postgres => usize::try_from(size.saturating_sub(2)).unwrap_or(1).max(1),
        };
        let manager = Manager {
            backend,
            url: url.to_owned(),
            lock_wait: timeout,
        };
        let pool = Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(0))
            .connection_timeout(timeout)
            // After a restart of the server the pool holds dead connections; asking costs a round trip, and
            // a request that fails because of one costs a closed tree.
            .test_on_check_out(backend == Backend::Postgres)
            .build_unchecked(manager);
        Ok(Self {
            pool,
            backend,
            timeout,
            writers: Arc::new(Semaphore::new(writers)),
            places: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1).max(1))),
            changes: Changes::start(backend, url.to_owned())?,
            is_settling: false,
            schema: Arc::default(),
        })
    }

    /// Lets [`Db::check`] fail until these migrations have run: a service whose tables are not there
    /// answers nothing, and must not say that it is well.
    #[must_use]
    pub fn expecting(mut self, migrations: &Migrations) -> Self {
        self.schema = Arc::new(Schema::of(migrations));
        self
    }

    /// Lets [`Db::write`] return when every process that keeps what it read knows of the change, which
    /// is some milliseconds after the commit (D-54, ADR 7).
    #[must_use]
    pub fn settling(mut self) -> Self {
        self.is_settling = true;
        self
    }

    /// Waits until every process knows of what is committed by now, if this database is [settling].
    /// Whoever tells others of a change that another one made waits before.
    ///
    /// [settling]: Db::settling
    pub async fn settle(&self) {
        if self.is_settling {
            tokio::time::sleep(SETTLING).await;
        }
    }

    /// Returns which database this is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the watcher that tells whether anything was committed.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Runs queries outside a transaction, on a blocking thread.
    ///
    /// # Errors
    /// The work's own, `Unavailable` when the database does not answer.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> TxResult<T> + Send + 'static,
    {
        let place = self.wait_for(&self.places, NO_ANSWER).await?;
        let db = self.clone();
        blocking(move || {
            let _place = place;
            work(&mut *db.checkout()?).map_err(Failure::into_error)
        })
        .await
    }

    /// Runs queries in one transaction that is committed when the work returns `Ok`. The work may run
    /// again when the database takes it back for the sake of another transaction. See [`Db::settling`].
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> TxResult<T> + Send + 'static,
    {
        let result = self.write_behind(work).await;
        // A refusal tells of a state as well, and a commit that was not heard of may have happened.
        self.settle().await;
        result
    }

    /// Runs a transaction like [`Db::write`], for work that nobody waits for: other processes may keep
    /// what they read for some milliseconds more, this one does not.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn write_behind<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> TxResult<T> + Send + 'static,
    {
        self.with_writer(move |db| {
            db.commit(&mut *db.checkout()?, &work)
                .map_err(Failure::into_error)
        })
        .await
    }

    /// Runs work that writes on a blocking thread, with a place among those who do.
    pub(crate) async fn with_writer<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T> + Send + 'static,
    {
        let turn = self.wait_for(&self.writers, BUSY).await?;
        let place = self.wait_for(&self.places, NO_ANSWER).await?;
        let db = self.clone();
        blocking(move || {
            let _held = (turn, place);
            work(&db)
        })
        .await
    }

    /// Runs work in a transaction, again when that was taken back for the sake of another one.
    pub(crate) fn commit<T>(
        &self,
        conn: &mut AnyConnection,
        work: impl Fn(&mut AnyConnection) -> TxResult<T>,
    ) -> TxResult<T> {
        let mut tries = 1;
        loop {
            let result = transaction(conn, &work);
            self.changes.note_commit();
            match result {
                Err(failure) if failure.is_contention() && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    /// Checks that the database answers and has the tables that are expected.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn check(&self) -> Result<()> {
        // Kept answers need the change check: while it fails, the service does not work.
        self.changes.current().await?;
        let schema = Arc::clone(&self.schema);
        self.read(move |conn| {
            conn.batch_execute("SELECT 1")?;
            schema.check(conn)
        })
        .await
    }

    async fn wait_for(
        &self,
        semaphore: &Arc<Semaphore>,
        otherwise: &'static str,
    ) -> Result<OwnedSemaphorePermit> {
        let permit = self.in_time(Arc::clone(semaphore).acquire_owned(), otherwise);
        permit.await?.map_err(|_| Error::unavailable(otherwise))
    }

    /// Waits for something as long as for an answer of the database.
    pub(crate) async fn in_time<T>(
        &self,
        awaited: impl Future<Output = T>,
        otherwise: &'static str,
    ) -> Result<T> {
        let result = tokio::time::timeout(self.timeout, awaited).await;
        result.map_err(|_| Error::unavailable(otherwise))
    }

    pub(crate) fn checkout(&self) -> Result<PooledConnection<Manager>> {
        self.pool
            .get_timeout(self.timeout)
            .map_err(|e| Error::unavailable(NO_ANSWER).with_source(e))
    }
}

/// Runs `work` between BEGIN and COMMIT. SQLite begins IMMEDIATE: a transaction that reads first and
/// then wants to write would otherwise fail when another process wrote in between.
pub(crate) fn transaction<T>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> TxResult<T>,
) -> TxResult<T> {
    match conn {
        AnyConnection::Sqlite(c) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
        }
        AnyConnection::Postgres(c) => AnsiTransactionManager::begin_transaction(c)?,
    }
    match work(conn) {
        Ok(value) => {
            on_backend!(conn, c => AnsiTransactionManager::commit_transaction(c))?;
            Ok(value)
        }
        Err(failure) => {
            // The first failure is the one to report.
            let _ = on_backend!(conn, c => AnsiTransactionManager::rollback_transaction(c));
            Err(failure)
        }
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("database work panicked").with_source(e))?
}

fn make_folder(path: &str) -> Result<()> {
    let Some(folder) = std::path::Path::new(path)
        .parent()
        .filter(|f| !f.as_os_str().is_empty())
    else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|e| {
        let text = format!(
            "DATABASE_URL, DATA_DIR: the folder {} cannot be made",
            folder.display()
        );
        Error::new(Kind::InvalidInput, text).with_source(e)
    })
}
