// SPDX-License-Identifier: MPL-2.0
//! Has anything been committed since? The answer lets a process keep what it read without ever
//! serving it stale (D-54).
//!
//! SQLite: `PRAGMA data_version` on a connection that never writes changes with every commit of
//! any other connection, in this process or another. PostgreSQL: the text of
//! `pg_current_snapshot()` changes with every commit in the cluster; equal texts mean that no
//! transaction ended in between. Neither costs the writers anything.
//!
//! Questions share checks as in group commit: those of one thread that are ready together share one,
//! and those of all threads that arrive while one check runs share the next. So the cost per request
//! falls under load.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use releng_common::{Error, Result};
use tokio::sync::oneshot;

use crate::connection::{AnyConnection, Backend, establish};
use crate::turn::Turn;

/// Names one state of the database. Equal tokens: nothing was committed in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Counts the connections that were asked.
    epoch: u64,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Version(i64),
    Snapshot(Arc<str>),
}

/// What a check came to, for all who share it.
type Outcome = Result<Token, Arc<str>>;
type Question = oneshot::Sender<Outcome>;

/// Asks for tokens, on a connection of its own.
#[derive(Clone)]
pub struct Changes {
    watch: Arc<Mutex<Watch>>,
    questions: mpsc::Sender<Question>,
}

/// A check that has not begun yet and may be shared by whoever asks now.
#[derive(Clone)]
struct Round {
    has_begun: Arc<AtomicBool>,
    outcome: Shared<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
}

thread_local! {
    /// The latest round of this thread, by watcher.
    static ROUNDS: RefCell<HashMap<usize, Round>> = RefCell::default();
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

#[derive(QueryableByName)]
struct Snapshot {
    #[diesel(sql_type = Text)]
    snapshot: String,
}

/// Databases that one thread asks about; a process has one or two.
const MAX_WATCHERS: usize = 64;

/// Longest time that a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

impl Changes {
    pub(crate) fn start(backend: Backend, url: String) -> Result<Self> {
        let (questions, asked) = mpsc::channel::<Question>();
        let watch = Arc::new(Mutex::new(Watch {
            backend,
            url,
            conn: None,
            epoch: 0,
        }));
        let answering = Arc::clone(&watch);
        std::thread::Builder::new()
            .name("db-changes".to_owned())
            .spawn(move || answer(&answering, &asked))
            .map_err(|e| Error::internal("no thread for the change check").with_source(e))?;
        Ok(Self { watch, questions })
    }

    /// Returns the token of a state that is at least as new as every commit before this call.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn current(&self) -> Result<Token> {
        self.round().outcome.await.map_err(|text| {
            Error::unavailable("the database does not answer").with_source(text.to_string())
        })
    }

    /// Joins the round of this thread, or opens one. A check that has begun may have looked already.
    fn round(&self) -> Round {
        ROUNDS.with_borrow_mut(|rounds| {
            let watcher = Arc::as_ptr(&self.watch).addr();
            match rounds.get(&watcher) {
                Some(round) if !round.has_begun.load(Ordering::SeqCst) => round.clone(),
                Some(_) | None => {
                    let round = self.open_round();
                    // Watchers come and go in tests alone, but nothing may grow for ever.
                    if rounds.len() >= MAX_WATCHERS {
                        rounds.clear();
                    }
                    rounds.insert(watcher, round.clone());
                    round
                }
            }
        })
    }

    fn open_round(&self) -> Round {
        let (changes, has_begun) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let begins = Arc::clone(&has_begun);
        let check = async move {
            // Requests that are ready on this thread join first.
            Turn::default().await;
            begins.store(true, Ordering::SeqCst);
            changes.check().await
        };
        Round {
            has_begun,
            outcome: check.boxed().shared(),
        }
    }

    async fn check(&self) -> Outcome {
        if let Some(token) = self.check_at_once() {
            return Ok(token);
        }
        let (ask, answer) = oneshot::channel();
        let gone = || Err(Arc::from("no answer in time"));
        if self.questions.send(ask).is_err() {
            return gone();
        }
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => gone(),
        }
    }

    /// Checks on this very thread when that takes microseconds and nobody else is checking: handing the
    /// question to another thread and back would cost several times as much.
    fn check_at_once(&self) -> Option<Token> {
        self.watch.try_lock().ok()?.check_open_file()
    }
}

/// Runs until the last handle is gone.
fn answer(watch: &Mutex<Watch>, asked: &mpsc::Receiver<Question>) {
    while let Ok(first) = asked.recv() {
        let mut waiting = vec![first];
        waiting.extend(asked.try_iter());
        let outcome = watch.lock().unwrap_or_else(PoisonError::into_inner).check();
        for question in waiting {
            // Whoever gave up waiting does not need the answer.
            let _ = question.send(outcome.clone());
        }
    }
}

struct Watch {
    backend: Backend,
    url: String,
    conn: Option<AnyConnection>,
    /// Part of every token: `data_version` counts per connection, so tokens of two connections must
    /// never be equal by chance.
    epoch: u64,
}

impl Watch {
    /// Reads the token of a SQLite connection that is open already: three microseconds, no disk.
    fn check_open_file(&mut self) -> Option<Token> {
        match &mut self.conn {
            Some(conn @ AnyConnection::Sqlite(_)) => state(conn).ok().map(|state| Token {
                epoch: self.epoch,
                state,
            }),
            _ => None,
        }
    }

    /// Reads the token; a connection that fails is opened again once, because a restarted server
    /// leaves the old one dead.
    fn check(&mut self) -> Outcome {
        if let Some(conn) = &mut self.conn
            && let Ok(state) = state(conn)
        {
            let epoch = self.epoch;
            return Ok(Token { epoch, state });
        }
        self.conn = None;
        self.epoch += 1;
        let told = |e: &dyn fmt::Display| Arc::from(e.to_string());
        let mut conn = establish(self.backend, &self.url).map_err(|e| told(&e))?;
        let state = state(&mut conn).map_err(|e| told(&e))?;
        self.conn = Some(conn);
        let epoch = self.epoch;
        Ok(Token { epoch, state })
    }
}

fn state(conn: &mut AnyConnection) -> QueryResult<State> {
    match conn {
        AnyConnection::Sqlite(c) => {
            let version: Version = diesel::sql_query("PRAGMA data_version").get_result(c)?;
            Ok(State::Version(version.data_version))
        }
        AnyConnection::Postgres(c) => {
            let query = diesel::sql_query("SELECT pg_current_snapshot()::text AS snapshot");
            let row: Snapshot = query.get_result(c)?;
            Ok(State::Snapshot(row.snapshot.into()))
        }
    }
}
