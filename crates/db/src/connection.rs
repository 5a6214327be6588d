// SPDX-License-Identifier: MPL-2.0
//! The connection that repositories write their queries against.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{self, R2D2Connection as _};
use diesel::{Connection as _, ConnectionError, ConnectionResult, MultiConnection};

/// A connection to either database.
#[derive(MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgres(diesel::PgConnection),
    /// SQLite.
    Sqlite(diesel::SqliteConnection),
}

/// Expands one expression for both backends, for what the shared query type cannot say: upserts,
/// batches and row locks.
///
/// ```text
/// on_backend!(conn, c => diesel::insert_into(users::table).values(rows).on_conflict_do_nothing().execute(c))
/// ```
#[macro_export]
macro_rules! on_backend {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::AnyConnection::Postgres($c) => $body,
            $crate::AnyConnection::Sqlite($c) => $body,
        }
    };
}

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file; one process writes.
    Sqlite,
    /// A server.
    Postgres,
}

impl Backend {
    /// Reads the scheme of a `DATABASE_URL`.
    ///
    /// # Errors
    /// A sentence that lists the known schemes.
    pub fn of(url: &str) -> Result<Self, String> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            // Each connection would have a database of its own in memory.
            Some("sqlite") if ["", ":memory:"].contains(&sqlite_path(url)) => {
                Err("DATABASE_URL: must name a file after sqlite://".to_owned())
            }
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(
                "DATABASE_URL: must begin with sqlite://, postgres:// or postgresql://".to_owned(),
            ),
        }
    }
}

/// WAL lets readers go on beside the writer; FULL makes a commit survive a power cut as well.
const SQLITE_SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// No query goes on for ever: one that hangs must not take the connections of all others with it.
const POSTGRES_SETUP: &str = "SET statement_timeout = '60s';";

/// How long work that no request waits for waits for a lock.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What libpq does when the server falls silent, unless the address says otherwise: notice it within
/// seconds. Milliseconds for `tcp_user_timeout`, seconds for the others.
const POSTGRES_TIME_OUTS: [(&str, &str); 4] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "10000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
];

/// Adds the time-outs that the address does not state itself.
fn with_time_outs(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in POSTGRES_TIME_OUTS {
        if !url.contains(&format!("{name}=")) {
            let mark = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{mark}{name}={value}"));
        }
    }
    url
}

/// Opens one connection, on which nothing waits longer than that for a lock.
pub(crate) fn establish(
    backend: Backend,
    url: &str,
    lock_wait: Duration,
) -> ConnectionResult<AnyConnection> {
    let wait = lock_wait.as_millis();
    match backend {
        Backend::Sqlite => {
            let path = sqlite_path(url);
            let mut conn = diesel::SqliteConnection::establish(path)?;
            conn.batch_execute(&format!("PRAGMA busy_timeout = {wait}; {SQLITE_SETUP}"))
                .map_err(|e| ConnectionError::BadConnection(e.to_string()))?;
            Ok(AnyConnection::Sqlite(conn))
        }
        Backend::Postgres => {
            let mut conn = diesel::PgConnection::establish(&with_time_outs(url))?;
            conn.batch_execute(&format!("SET lock_timeout = {wait}; {POSTGRES_SETUP}"))
                .map_err(|e| ConnectionError::BadConnection(e.to_string()))?;
            Ok(AnyConnection::Postgres(conn))
        }
    }
}

/// Returns the file of a `sqlite://` URL.
pub(crate) fn sqlite_path(url: &str) -> &str {
    url.strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .unwrap_or(url)
}

/// Opens connections for the pool. The derived `establish` would try every backend in turn and, with
/// PostgreSQL down, create a SQLite file named like its address.
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    pub(crate) lock_wait: Duration,
}

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        establish(self.backend, &self.url, self.lock_wait).map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), r2d2::Error> {
        conn.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}
