// SPDX-License-Identifier: MPL-2.0
//! Work that only one process does at a time. Hashing takes minutes, too long for a transaction: a
//! lease in the database is renewed meanwhile, and ends by itself when its process is killed.

use std::future::Future;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use releng_common::{Error, Result};

use crate::{State, repo};

/// Life of a lease that is not renewed.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// Time between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// What became of the work.
pub(super) enum Held<T> {
    /// It was done.
    Done(T),
    /// Another process does it.
    Busy,
}

/// Runs `work` while nobody else holds the lease `name`.
///
/// # Errors
/// The database does not answer, or the lease was lost.
pub(super) async fn hold<T>(
    state: &State,
    name: String,
    work: impl Future<Output = T>,
) -> Result<Held<T>> {
    let holder = uuid::Uuid::new_v4().simple().to_string();
    let (now, ends) = ends(state)?;
    let (lease, by) = (name.clone(), holder.clone());
    let claim = move |conn: &mut releng_db::AnyConnection| {
        Ok(repo::lease_claim_in_txn(conn, &lease, &by, now, ends)?)
    };
    if !state.db.write(claim).await? {
        return Ok(Held::Busy);
    }
    let done = tokio::select! {
        done = work => Ok(done),
        lost = renew(state, &name, &holder) => Err(lost),
    };
    let give = move |conn: &mut releng_db::AnyConnection| {
        Ok(repo::lease_return_in_txn(conn, &name, &holder)?)
    };
    if let Err(error) = state.db.write(give).await {
        tracing::warn!(error = error.chain(), "a lease is left to its end");
    }
    done.map(Held::Done)
}

/// Renews until the lease is lost. A database that is away for a moment is asked again.
async fn renew(state: &State, name: &str, holder: &str) -> Error {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let Ok((_, ends)) = ends(state) else { continue };
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let renewed = state
            .db
            .write(move |conn| Ok(repo::lease_renew_in_txn(conn, &name, &holder, ends)?))
            .await;
        match renewed {
            Ok(true) => {}
            Ok(false) => return Error::unavailable("another process has taken the work over"),
            Err(error) => tracing::warn!(error = error.chain(), "a lease is not renewed"),
        }
    }
}

fn ends(state: &State) -> Result<(NaiveDateTime, NaiveDateTime)> {
    let now = state.clock.now().naive_utc();
    let span = TimeDelta::from_std(LEASE).unwrap_or_default();
    let ends = now
        .checked_add_signed(span)
        .ok_or_else(|| Error::internal("the clock is beyond all dates"))?;
    Ok((now, ends))
}
