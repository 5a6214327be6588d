// SPDX-License-Identifier: MPL-2.0
//! What was last read from the database. It answers reads for as long as nothing was committed since
//! (D-54), and, within `SERVE_STALE_SECONDS`, while the database is gone.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use releng_common::{Error, Kind, Result};
use releng_db::{AnyConnection, Db, Token, TxResult};

/// Longest wait for a database that has already failed to answer: a server that refuses says so at
/// once, one that swallows everything must not delay every push by seconds.
const PATIENCE_WHEN_OUT: Duration = Duration::from_secs(1);

/// A value out of the memory.
#[derive(Debug)]
pub struct Seen<T> {
    /// The value.
    pub value: Arc<T>,
    /// `None`: it is the present state. Else the database does not answer, and so long ago it was.
    pub age: Option<Duration>,
}

impl<T> Seen<T> {
    fn current(value: Arc<T>) -> Self {
        Self { value, age: None }
    }
}

/// Keeps one value of the database. Clones share it.
pub struct Memory<T>(Arc<Inner<T>>);

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({})", self.0.what)
    }
}

type Load<T> = dyn Fn(&mut AnyConnection) -> TxResult<T> + Send + Sync;

struct Inner<T> {
    what: &'static str,
    db: Db,
    load: Arc<Load<T>>,
    /// Greatest age that is answered with; zero: none.
    limit: Duration,
    start: Instant,
    kept: RwLock<Option<Arc<Kept<T>>>>,
    /// Loads that have begun so far.
    loads: AtomicU64,
    /// Held while a load runs: those who wait for it share what it brings.
    loading: Arc<tokio::sync::Mutex<()>>,
    is_out: AtomicBool,
}

struct Kept<T> {
    token: Token,
    /// The how manieth load it came from.
    load: u64,
    value: Arc<T>,
    /// Milliseconds after the start at which it was last known to be the present state.
    sure: AtomicU64,
}

impl<T: Send + Sync + 'static> Memory<T> {
    /// Creates an empty memory of what `load` reads. Once read, it answers for a database that is gone
    /// until it is older than `limit`.
    pub fn new(
        what: &'static str,
        db: &Db,
        limit: Duration,
        load: impl Fn(&mut AnyConnection) -> TxResult<T> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            what,
            db: db.clone(),
            load: Arc::new(load),
            limit,
            start: Instant::now(),
            kept: RwLock::new(None),
            loads: AtomicU64::new(0),
            loading: Arc::default(),
            is_out: AtomicBool::new(false),
        }))
    }

    /// Returns the value as of a moment after this call began, or, if the database does not answer, the
    /// last one that is not too old. Cost: one shared change check, and one shared load after a change.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer and there is no such value.
    pub async fn get(&self) -> Result<Seen<T>> {
        let asked = Instant::now();
        let result = if self.0.is_out.load(Ordering::SeqCst) && self.last().is_some() {
            let patience = tokio::time::timeout(PATIENCE_WHEN_OUT, self.present(asked));
            let silence = |_| Err(Error::unavailable("the database does not answer"));
            patience.await.unwrap_or_else(silence)
        } else {
            self.present(asked).await
        };
        match result {
            Ok(value) => {
                self.note_answer();
                Ok(Seen::current(value))
            }
            Err(error) if error.kind() == Kind::Unavailable => {
                self.note_silence(&error);
                self.last().ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn present(&self, asked: Instant) -> Result<Arc<T>> {
        let begun = self.0.loads.load(Ordering::SeqCst);
        let token = self.0.db.changes().current().await?;
        if let Some(value) = self.find(asked, |kept| kept.token == token) {
            return Ok(value);
        }
        let turn = Arc::clone(&self.0.loading).lock_owned().await;
        // A load that began after this call did has seen everything that this call must see.
        if let Some(value) = self.find(asked, |kept| kept.token == token || kept.load > begun) {
            return Ok(value);
        }
        // Runs to its end even if nobody waits any more, so that there is never more than one.
        let memory = self.clone();
        let load = async move {
            let _turn = turn;
            memory.load(token).await
        };
        let loaded = tokio::spawn(load).await;
        loaded.map_err(|e| Error::internal("reading the database panicked").with_source(e))?
    }

    fn find(&self, asked: Instant, is_fit: impl Fn(&Kept<T>) -> bool) -> Option<Arc<T>> {
        let kept = self.kept()?;
        if !is_fit(&kept) {
            return None;
        }
        kept.sure.fetch_max(self.millis(asked), Ordering::Relaxed);
        Some(Arc::clone(&kept.value))
    }

    async fn load(&self, token: Token) -> Result<Arc<T>> {
        let began = Instant::now();
        let load = self.0.loads.fetch_add(1, Ordering::SeqCst) + 1;
        let work = Arc::clone(&self.0.load);
        let value = Arc::new(self.0.db.read(move |conn| work(conn)).await?);
        let kept = Kept {
            // Should a commit have come in between, the next check yields another token.
            token,
            load,
            value: Arc::clone(&value),
            sure: AtomicU64::new(self.millis(began)),
        };
        let mut place = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::new(kept));
        Ok(value)
    }

    /// Returns the kept value if its age is within the limit.
    fn last(&self) -> Option<Seen<T>> {
        let kept = self.kept()?;
        let sure = Duration::from_millis(kept.sure.load(Ordering::Relaxed));
        let age = self.0.start.elapsed().saturating_sub(sure);
        let value = Arc::clone(&kept.value);
        (age <= self.0.limit && !self.0.limit.is_zero()).then_some(Seen {
            value,
            age: Some(age),
        })
    }

    fn kept(&self) -> Option<Arc<Kept<T>>> {
        let kept = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(Arc::clone)
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.0.start);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn note_answer(&self) {
        // A plain look first: it is false at all times but the worst.
        if self.0.is_out.load(Ordering::SeqCst) && self.0.is_out.swap(false, Ordering::SeqCst) {
            tracing::info!(what = self.0.what, "the database answers again");
        }
    }

    fn note_silence(&self, error: &Error) {
        metrics::counter!("treestatus.read_without_database").increment(1);
        if !self.0.is_out.swap(true, Ordering::SeqCst) {
            let limit = self.0.limit.as_secs();
            tracing::error!(
                what = self.0.what,
                error = error.chain(),
                "the database does not answer: reads go on from memory for at most {limit} s"
            );
        }
    }
}
