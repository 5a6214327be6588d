// SPDX-License-Identifier: MPL-2.0
//! Has anything been committed since? The answer lets a process keep what it read without ever
//! serving it stale (D-54).
//!
//! SQLite: `PRAGMA data_version` on a connection that never writes changes with every commit of
//! any other connection, in this process or another. PostgreSQL: the text of
//! `pg_current_snapshot()` changes with every commit in the cluster; equal texts mean that no
//! transaction ended in between. Neither costs the writers anything.
//!
//! Questions that arrive while one check runs share the next one, so their cost per request falls
//! under load.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use releng_common::{Error, Result};
use tokio::sync::oneshot;

use crate::connection::{AnyConnection, Backend, establish};

/// Names one state of the database. Equal tokens: nothing was committed in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

type Question = oneshot::Sender<Result<Token>>;

/// Asks for tokens, on a connection of its own.
#[derive(Clone)]
pub struct Changes {
    watch: Arc<Mutex<Watch>>,
    questions: mpsc::Sender<Question>,
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

    /// Checks on this very thread when that takes microseconds and nobody else is checking: handing the
    /// question to another thread and back would cost several times as much.
    fn current_at_once(&self) -> Option<Token> {
        self.watch.try_lock().ok()?.check_open_file()
    }

    /// Returns the token of a state that is at least as new as every commit before this call.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn current(&self) -> Result<Token> {
        if let Some(token) = self.current_at_once() {
            return Ok(token);
        }
        let (ask, answer) = oneshot::channel();
        let gone = || Error::unavailable("the database does not answer");
        self.questions.send(ask).map_err(|_| gone())?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(token)) => token,
            Ok(Err(_)) | Err(_) => Err(gone()),
        }
    }
}

/// Runs until the last handle is gone.
fn answer(watch: &Mutex<Watch>, asked: &mpsc::Receiver<Question>) {
    while let Ok(first) = asked.recv() {
        let mut waiting = vec![first];
        waiting.extend(asked.try_iter());
        let token = watch.lock().unwrap_or_else(PoisonError::into_inner).check();
        for question in waiting {
            let reply =
                match &token {
                    Ok(token) => Ok(token.clone()),
                    Err(text) => Err(Error::unavailable("the database does not answer")
                        .with_source(text.clone())),
                };
            // Whoever gave up waiting does not need the answer.
            let _ = question.send(reply);
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
            Some(conn @ AnyConnection::Sqlite(_)) => state(conn)
                .ok()
                .map(|state| Token(format!("{}/{state}", self.epoch))),
            _ => None,
        }
    }

    /// Reads the token; a connection that fails is opened again once, because a restarted server
    /// leaves the old one dead.
    fn check(&mut self) -> Result<Token, String> {
        if let Some(conn) = &mut self.conn
            && let Ok(state) = state(conn)
        {
            return Ok(Token(format!("{}/{state}", self.epoch)));
        }
        self.conn = None;
        self.epoch += 1;
        let mut conn = establish(self.backend, &self.url).map_err(|e| e.to_string())?;
        let state = state(&mut conn).map_err(|e| e.to_string())?;
        self.conn = Some(conn);
        Ok(Token(format!("{}/{state}", self.epoch)))
    }
}

fn state(conn: &mut AnyConnection) -> QueryResult<String> {
    match conn {
        AnyConnection::Sqlite(c) => {
            let version: Version = diesel::sql_query("PRAGMA data_version").get_result(c)?;
            Ok(version.data_version.to_string())
        }
        AnyConnection::Postgres(c) => {
            let query = diesel::sql_query("SELECT pg_current_snapshot()::text AS snapshot");
            query.get_result(c).map(|s: Snapshot| s.snapshot)
        }
    }
}
