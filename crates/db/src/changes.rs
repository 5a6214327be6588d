// SPDX-License-Identifier: MPL-2.0
//! Has anything been committed since? The answer lets a process keep what it read without ever
//! serving it stale (D-54, ADR 7).
//!
//! SQLite: `PRAGMA data_version` on a connection that never writes changes with every commit of
//! any other connection, in this process or another. PostgreSQL: the text of
//! `pg_current_snapshot()` changes with every commit in the cluster; equal texts mean that no
//! transaction ended in between. Neither costs the writers anything.
//!
//! A check holds for [`LEASE`] from its beginning, and a change is confirmed no earlier than
//! [`SETTLING`] after its commit: whoever reads after the confirmation uses a check that began after
//! the commit. So a read asks the database some hundred times a second and not at every request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use releng_common::{Error, Result};
use tokio::sync::oneshot;

use crate::connection::{AnyConnection, Backend, LOCK_WAIT, establish};

/// How long the outcome of a check is used.
const LEASE: Duration = Duration::from_millis(5);

/// How long after its commit a change is confirmed: the lease and a fifth, for clocks of two machines
/// that do not run equally fast. The same in every process that shares a database, so no setting.
pub(crate) const SETTLING: Duration = Duration::from_millis(6);

/// Longest time that a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names one state of the database as one process sees it. Equal tokens: nothing was committed in
/// between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u64);

/// What a check came to, for all who share it.
type Outcome = Result<Token, Arc<str>>;
type Question = oneshot::Sender<Outcome>;

/// Asks for tokens, on a connection of its own.
#[derive(Clone)]
pub struct Changes {
    lease: Arc<Mutex<Lease>>,
    questions: mpsc::Sender<Question>,
}

/// The newest token, and the time for which it may be used.
#[derive(Debug)]
struct Lease {
    newest: Option<(Instant, Token)>,
    /// This process has committed then: a check that began before tells nothing any more.
    committed: Instant,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}

impl Changes {
    pub(crate) fn start(backend: Backend, url: String) -> Result<Self> {
        let (questions, asked) = mpsc::channel::<Question>();
        let lease = Arc::new(Mutex::new(Lease {
            newest: None,
            committed: Instant::now(),
        }));
        let watch = Watch {
            backend,
            url,
            conn: None,
            seen: None,
            token: Token(0),
        };
        let given = Arc::clone(&lease);
        std::thread::Builder::new()
            .name("db-changes".to_owned())
            .spawn(move || answer(watch, &given, &asked))
            .map_err(|e| Error::internal("no thread for the change check").with_source(e))?;
        Ok(Self { lease, questions })
    }

    /// Returns the token of a state that is at least as new as every change that was confirmed before
    /// this call, and as every commit of this process.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn current(&self) -> Result<Token> {
        if let Some(token) = locked(&self.lease).token() {
            return Ok(token);
        }
        self.check().await.map_err(|text| {
            Error::unavailable("the database does not answer").with_source(text.to_string())
        })
    }

    async fn check(&self) -> Outcome {
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

    /// Takes note that this process has committed something just now.
    pub(crate) fn note_commit(&self) {
        locked(&self.lease).committed = Instant::now();
    }
}

impl Lease {
    fn token(&self) -> Option<Token> {
        let (began, token) = self.newest?;
        let holds = began > self.committed && began.elapsed() < LEASE;
        holds.then_some(token)
    }
}

/// Locks what a thread that panicked cannot have left half done.
pub(crate) fn locked<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until the last handle is gone. Those who asked while one check ran share the next.
fn answer(mut watch: Watch, lease: &Mutex<Lease>, asked: &mpsc::Receiver<Question>) {
    while let Ok(first) = asked.recv() {
        let mut waiting = vec![first];
        waiting.extend(asked.try_iter());
        let outcome = checked(&mut watch, lease);
        for question in waiting {
            // Whoever gave up waiting does not need the answer.
            let _ = question.send(outcome.clone());
        }
    }
}

fn checked(watch: &mut Watch, lease: &Mutex<Lease>) -> Outcome {
    if let Some(token) = locked(lease).token() {
        return Ok(token);
    }
    let began = Instant::now();
    let token = watch.check()?;
    locked(lease).newest = Some((began, token));
    Ok(token)
}

struct Watch {
    backend: Backend,
    url: String,
    conn: Option<AnyConnection>,
    /// What the connection said last. `data_version` counts per connection: with a new one nothing is
    /// known of what was committed in between.
    seen: Option<State>,
    token: Token,
}

#[derive(PartialEq, Eq)]
enum State {
    Version(i64),
    Snapshot(String),
}

impl Watch {
    /// Reads the state; a connection that fails is opened again once, because a restarted server
    /// leaves the old one dead.
    fn check(&mut self) -> Outcome {
        if let Some(conn) = &mut self.conn
            && let Ok(state) = state(conn)
        {
            return Ok(self.token_of(state));
        }
        self.conn = None;
        self.seen = None;
        let told = |e: &dyn fmt::Display| Arc::from(e.to_string());
        let mut conn = establish(self.backend, &self.url, LOCK_WAIT).map_err(|e| told(&e))?;
        let state = state(&mut conn).map_err(|e| told(&e))?;
        self.conn = Some(conn);
        Ok(self.token_of(state))
    }

    fn token_of(&mut self, state: State) -> Token {
        if self.seen.as_ref() != Some(&state) {
            self.token.0 += 1;
            self.seen = Some(state);
        }
        self.token
    }
}

fn state(conn: &mut AnyConnection) -> QueryResult<State> {
    match conn {
        AnyConnection::Sqlite(c) => DataVersion.get_result(c).map(State::Version),
        AnyConnection::Postgres(c) => CurrentSnapshot.get_result(c).map(State::Snapshot),
    }
}

/// Queries of their own and no `sql_query`, which is prepared anew at every call: on PostgreSQL that
/// is a second round trip.
#[derive(QueryId)]
struct DataVersion;

#[derive(QueryId)]
struct CurrentSnapshot;

impl Query for DataVersion {
    type SqlType = BigInt;
}

impl Query for CurrentSnapshot {
    type SqlType = Text;
}

impl QueryFragment<Sqlite> for DataVersion {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("PRAGMA data_version");
        Ok(())
    }
}

impl QueryFragment<Pg> for CurrentSnapshot {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT pg_current_snapshot()::text");
        Ok(())
    }
}

impl RunQueryDsl<diesel::SqliteConnection> for DataVersion {}
impl RunQueryDsl<diesel::PgConnection> for CurrentSnapshot {}
