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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use releng_common::Clock;
    use releng_common::config::Source;

    use super::*;
    use crate::Settings;

    async fn open(folder: &std::path::Path, clock: Clock) -> State {
        let source = Source::from_pairs([
            (
                "DATABASE_URL",
                format!("sqlite://{}/demo.db", folder.display()),
            ),
            ("STORE_URL", format!("file://{}/store", folder.display())),
        ]);
        let settings = Settings::load(&source).unwrap();
        crate::ops::migrate(&settings.common.database_url)
            .await
            .unwrap();
        State::open(settings, clock).await.unwrap()
    }

    #[tokio::test]
    async fn only_one_works_until_it_is_done_or_its_lease_has_ended() {
        let folder = releng_testkit::temp::dir();
        let clock = Clock::frozen(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        // Two processes on one database.
        let one = open(folder.path(), clock.clone()).await;
        let two = open(folder.path(), clock.clone()).await;
        let is_busy = async |state: &State, name: &str| {
            matches!(
                hold(state, name.to_owned(), async {}).await.unwrap(),
                Held::Busy
            )
        };
        let work = hold(&one, "a".to_owned(), async {
            assert!(is_busy(&two, "a").await);
            assert!(is_busy(&one, "a").await);
            assert!(!is_busy(&two, "b").await);
        });
        assert!(matches!(work.await.unwrap(), Held::Done(())));
        assert!(!is_busy(&two, "a").await);

        // A process that is killed gives nothing back.
        let (now, ends) = ends(&one).unwrap();
        one.db
            .write(move |conn| Ok(repo::lease_claim_in_txn(conn, "a", "killed", now, ends)?))
            .await
            .unwrap();
        assert!(is_busy(&two, "a").await);
        clock.advance(TimeDelta::from_std(LEASE).unwrap());
        assert!(!is_busy(&two, "a").await);
    }
}
