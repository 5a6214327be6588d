// SPDX-License-Identifier: MPL-2.0
//! Why a transaction ended without commit.

use diesel::result::{DatabaseErrorKind, Error as QueryError};
use releng_common::{Error, Kind};

/// Either the database failed or the work itself decided against the change.
#[derive(Debug)]
pub enum Failure {
    /// A query failed.
    Query(QueryError),
    /// A rule of the service was broken; the client gets this error.
    Abort(Error),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Abort(error)
    }
}

impl Failure {
    /// Returns whether doing it again may help: the database took back one of two transactions that
    /// stood in each other's way.
    pub(crate) fn is_contention(&self) -> bool {
        match self {
            Self::Query(QueryError::DatabaseError(kind, info)) => {
                matches!(kind, DatabaseErrorKind::SerializationFailure)
                    || info.message().contains("deadlock detected")
            }
            Self::Query(_) | Self::Abort(_) => false,
        }
    }

    /// Returns whether a unique rule was broken, and which constraint says so (empty on SQLite).
    pub fn is_unique_violation(&self) -> bool {
        matches!(
            self,
            Self::Query(QueryError::DatabaseError(
                DatabaseErrorKind::UniqueViolation,
                _
            ))
        )
    }

    /// Returns the error for the client.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Abort(error) => error,
            Self::Query(error) => {
                let is_outage = match &error {
                    QueryError::DatabaseError(kind, info) => {
                        matches!(kind, DatabaseErrorKind::ClosedConnection)
                            || is_outage_text(info.message())
                    }
                    QueryError::BrokenTransactionManager => true,
                    _ => false,
                };
                metrics::counter!("db.error").increment(1);
                if is_outage {
                    Error::unavailable("the database does not answer").with_source(error)
                } else {
                    Error::new(Kind::Internal, "a database query failed").with_source(error)
                }
            }
        }
    }
}

/// libpq reports a lost server as an unknown error with one of these texts.
fn is_outage_text(text: &str) -> bool {
    [
        "server closed the connection",
        "connection to server",
        "terminating connection",
        "no connection to the server",
        "the database system is",
        "database is locked",
        "lock timeout",
        "statement timeout",
        // Taken back again and again for the sake of others: not a mistake of the request.
        "deadlock detected",
        "could not serialize access",
        "disk I/O error",
        "database or disk is full",
    ]
    .iter()
    .any(|known| text.contains(known))
}
