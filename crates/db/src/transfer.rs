// SPDX-License-Identifier: MPL-2.0
//! Work on two databases at once: what one of them holds at one moment goes into the other as a whole.

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use releng_common::Result;

use crate::connection::AnyConnection;
use crate::failure::Failure;
use crate::pool::{Db, blocking, transaction};
use crate::{TxResult, on_backend};

impl Db {
    /// Runs work that reads this database, as it is at one moment, and writes another, in one
    /// transaction that is committed when the work returns `Ok`. It runs once.
    ///
    /// # Errors
    /// The work's own, `Unavailable` when one of the databases does not answer.
    pub async fn transfer_to<T, F>(&self, other: &Self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection, &mut AnyConnection) -> TxResult<T> + Send + 'static,
    {
        let (from, to) = (self.clone(), other.clone());
        blocking(move || {
            let (mut source, mut target) = (from.checkout()?, to.checkout()?);
            let result = standing_still(&mut source, |source| {
                transaction(&mut target, |target| work(source, target))
            });
            to.changes().note_commit();
            result.map_err(Failure::into_error)
        })
        .await
    }
}

/// Runs reads that see nothing of what others commit meanwhile.
fn standing_still<T>(
    conn: &mut AnyConnection,
    read: impl FnOnce(&mut AnyConnection) -> TxResult<T>,
) -> TxResult<T> {
    match conn {
        AnyConnection::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")?,
        AnyConnection::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(
            c,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )?,
    }
    let result = read(conn);
    // There is nothing to commit, and whatever became of the reads counts.
    let _ = on_backend!(conn, c => AnsiTransactionManager::rollback_transaction(c));
    result
}
