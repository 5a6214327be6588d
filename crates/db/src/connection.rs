// SPDX-License-Identifier: MPL-2.0
//! The connection that repositories write their queries against.

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
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(
                "DATABASE_URL: must begin with sqlite://, postgres:// or postgresql://".to_owned(),
            ),
        }
    }
}

/// WAL lets readers go on beside the writer; FULL makes a commit survive a power cut as well.
const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// Opens one connection.
pub(crate) fn establish(backend: Backend, url: &str) -> ConnectionResult<AnyConnection> {
    match backend {
        Backend::Sqlite => {
            let path = sqlite_path(url);
            let mut conn = diesel::SqliteConnection::establish(path)?;
            conn.batch_execute(SQLITE_SETUP)
                .map_err(|e| ConnectionError::BadConnection(e.to_string()))?;
            Ok(AnyConnection::Sqlite(conn))
        }
        Backend::Postgres => diesel::PgConnection::establish(url).map(AnyConnection::Postgres),
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
}

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        establish(self.backend, &self.url).map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), r2d2::Error> {
        conn.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}
