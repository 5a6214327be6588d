// SPDX-License-Identifier: MPL-2.0
//! Work on the objects of a file, which one process does at a time. Hashing takes minutes, too long
//! for a transaction: a lease in the database is renewed meanwhile, and ends by itself when its
//! process is killed.
//!
//! There are two leases per file. The one to work on it (verify, copy) may be taken away; whoever
//! holds it asks in the transaction that decides something whether it still does. The one to delete
//! objects is never taken away, and while it is held nobody begins to work on the file and no PUT URL
//! for it is handed out: an object that is being deleted must not be one that somebody has just sent.

use std::future::Future;
use std::time::Duration;

use chrono::NaiveDateTime;
use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use crate::domain::Sha512;
use crate::{State, repo};

/// Life of a lease that is not renewed.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// Time between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// Begins the names of leases to delete.
const DELETE: &str = "delete/";

/// What became of the work.
pub(super) enum Held<T> {
    /// It was done.
    Done(T),
    /// The lease was not to be had.
    Busy,
}

/// The right to do something with a file, in the hands of one task.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    name: String,
    holder: String,
}

impl Lease {
    /// Prepares the lease to verify or copy a file.
    pub(super) fn to_work_on(digest: &Sha512) -> Self {
        Self::new(format!("work/{digest}"))
    }

    /// Prepares the lease to delete objects of a file.
    pub(super) fn to_delete(digest: &Sha512) -> Self {
        Self::new(format!("{DELETE}{digest}"))
    }

    fn new(name: String) -> Self {
        let holder = uuid::Uuid::new_v4().simple().to_string();
        Self { name, holder }
    }

    /// Takes the lease if nobody has it.
    pub(super) fn claim_in_txn(
        &self,
        conn: &mut AnyConnection,
        now: NaiveDateTime,
    ) -> TxResult<bool> {
        let Self { name, holder } = self;
        Ok(repo::lease_claim_in_txn(conn, name, holder, now, LEASE)?)
    }

    /// Returns whether nobody has taken the lease away.
    pub(super) fn is_held_in_txn(&self, conn: &mut AnyConnection) -> TxResult<bool> {
        Ok(repo::lease_is_held_in_txn(conn, &self.name, &self.holder)?)
    }
}

/// Returns whether objects of one of these files are being deleted.
pub(super) fn is_deleting_in_txn(
    conn: &mut AnyConnection,
    digests: &[&Sha512],
    now: NaiveDateTime,
) -> TxResult<bool> {
    let names: Vec<String> = digests.iter().map(|d| format!("{DELETE}{d}")).collect();
    Ok(repo::lease_is_live_in_txn(conn, &names, now)?)
}

/// Ends whatever work on a file is under way: what it finds does not count any more.
pub(super) fn work_stop_in_txn(conn: &mut AnyConnection, digest: &Sha512) -> TxResult<()> {
    Ok(repo::lease_break_in_txn(conn, &format!("work/{digest}"))?)
}

/// Forgets a deletion that was cut short. Only for the holder of the lease to work: then nobody deletes.
pub(super) fn deletion_settle_in_txn(conn: &mut AnyConnection, digest: &Sha512) -> TxResult<()> {
    Ok(repo::lease_break_in_txn(
        conn,
        &format!("{DELETE}{digest}"),
    )?)
}

/// Returns files whose deletion was cut short by the end of its process.
pub(super) async fn deletions_lost(state: &State, limit: i64) -> Result<Vec<Sha512>> {
    let now = state.clock.now().naive_utc();
    let names = state
        .db
        .read(move |conn| Ok(repo::lease_lost(conn, DELETE, now, limit)?))
        .await?;
    let digest = |name: String| Sha512::parse(name.strip_prefix(DELETE)?).ok();
    Ok(names.into_iter().filter_map(digest).collect())
}

/// Does `work` on a file unless somebody else is at it.
///
/// # Errors
/// The database does not answer, or the lease was lost.
pub(super) async fn work_on<T>(
    state: &State,
    digest: &Sha512,
    lease: &Lease,
    work: impl Future<Output = T>,
) -> Result<Held<T>> {
    let digest = digest.clone();
    let claim = move |conn: &mut AnyConnection, lease: &Lease, now| {
        // Locked, so that nobody takes the lease to delete between the look and the claim.
        repo::file_lock_in_txn(conn, &digest)?;
        Ok(!is_deleting_in_txn(conn, &[&digest], now)? && lease.claim_in_txn(conn, now)?)
    };
    hold(state, lease, claim, work).await
}

/// Runs `work` while nobody else holds the lease. `claim` takes it, in a transaction.
///
/// # Errors
/// The database does not answer, or the lease was lost.
pub(super) async fn hold<T>(
    state: &State,
    lease: &Lease,
    claim: impl Fn(&mut AnyConnection, &Lease, NaiveDateTime) -> TxResult<bool> + Send + 'static,
    work: impl Future<Output = T>,
) -> Result<Held<T>> {
    let now = state.clock.now().naive_utc();
    let claimed = lease.clone();
    let claiming = move |conn: &mut AnyConnection| claim(conn, &claimed, now);
    if !state.db.write_behind(claiming).await? {
        return Ok(Held::Busy);
    }
    let done = tokio::select! {
        done = work => Ok(done),
        lost = renew(state, lease) => Err(lost),
    };
    let Lease { name, holder } = lease.clone();
    let give = move |conn: &mut AnyConnection| Ok(repo::lease_return_in_txn(conn, &name, &holder)?);
    if let Err(error) = state.db.write_behind(give).await {
        tracing::warn!(error = error.chain(), "a lease is left to its end");
    }
    done.map(Held::Done)
}

/// Renews until the lease is lost. A database that is away for a moment is asked again.
async fn renew(state: &State, lease: &Lease) -> Error {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let now = state.clock.now().naive_utc();
        let Lease { name, holder } = lease.clone();
        let renewed = state
            .db
            .write_behind(move |conn| {
                Ok(repo::lease_renew_in_txn(conn, &name, &holder, now, LEASE)?)
            })
            .await;
        match renewed {
            Ok(true) => {}
            Ok(false) => return Error::unavailable("somebody else has taken the work over"),
            Err(error) => tracing::warn!(error = error.chain(), "a lease is not renewed"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::{DateTime, TimeDelta};
    use releng_common::Clock;
    use releng_common::config::Source;
    use releng_testkit::database::{Backend, TestDatabase, backends};

    use super::*;
    use crate::Settings;

    pub(in crate::ops) async fn open(folder: &std::path::Path, clock: Clock) -> State {
        let database = format!("sqlite://{}/demo.db", folder.display());
        open_on(&database, folder, clock).await
    }

    async fn open_on(database: &str, folder: &std::path::Path, clock: Clock) -> State {
        let source = Source::from_pairs([
            ("DATABASE_URL", database.to_owned()),
            ("STORE_URL", format!("file://{}/store", folder.display())),
        ]);
        let settings = Settings::load(&source).unwrap();
        crate::ops::migrate(&settings.common.database_url)
            .await
            .unwrap();
        State::open(settings, clock).await.unwrap()
    }

    pub(in crate::ops) fn digest(digit: &str) -> Sha512 {
        Sha512::parse(&digit.repeat(128)).unwrap()
    }

    async fn is_busy(state: &State, digit: &str) -> bool {
        let lease = Lease::to_work_on(&digest(digit));
        let held = work_on(state, &digest(digit), &lease, async {}).await;
        matches!(held.unwrap(), Held::Busy)
    }

    pub(in crate::ops) async fn claim(state: &State, lease: Lease) {
        let now = state.clock.now().naive_utc();
        let claim = move |conn: &mut AnyConnection| lease.claim_in_txn(conn, now);
        assert!(state.db.write_behind(claim).await.unwrap());
    }

    /// Two processes on one database.
    async fn two(folder: &std::path::Path) -> (State, State, Clock) {
        let clock = Clock::frozen(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let (one, two) = (
            open(folder, clock.clone()).await,
            open(folder, clock.clone()).await,
        );
        (one, two, clock)
    }

    #[tokio::test]
    async fn only_one_works_until_it_is_done_or_its_lease_has_ended() {
        let folder = releng_testkit::temp::dir();
        let (one, two, clock) = two(folder.path()).await;
        let lease = Lease::to_work_on(&digest("a"));
        let work = work_on(&one, &digest("a"), &lease, async {
            assert!(is_busy(&two, "a").await);
            assert!(is_busy(&one, "a").await);
            assert!(!is_busy(&two, "b").await);
        })
        .await;
        assert!(matches!(work.unwrap(), Held::Done(())));
        assert!(!is_busy(&two, "a").await);

        // A process that is killed gives nothing back.
        claim(&one, Lease::to_work_on(&digest("a"))).await;
        assert!(is_busy(&two, "a").await);
        clock.advance(TimeDelta::from_std(LEASE).unwrap());
        assert!(!is_busy(&two, "a").await);
    }

    #[tokio::test]
    async fn nobody_works_on_what_is_being_deleted_and_a_cut_deletion_is_found() {
        let folder = releng_testkit::temp::dir();
        let (one, two, clock) = two(folder.path()).await;
        claim(&one, Lease::to_delete(&digest("a"))).await;
        assert!(is_busy(&two, "a").await);
        assert!(!is_busy(&two, "b").await);
        assert_eq!(deletions_lost(&two, 9).await.unwrap(), []);
        clock.advance(TimeDelta::from_std(LEASE).unwrap());
        assert!(!is_busy(&two, "a").await);
        assert_eq!(deletions_lost(&two, 9).await.unwrap(), [digest("a")]);
    }

    #[tokio::test]
    async fn on_postgresql_a_wrong_clock_takes_no_lease_away_and_keeps_none_for_ever() {
        if !backends().contains(&Backend::Postgres) {
            return;
        }
        let database = TestDatabase::empty(Backend::Postgres);
        let folder = releng_testkit::temp::dir();
        let at = |hours| {
            let moment = Clock::system().now() + TimeDelta::hours(hours);
            open_on(database.url(), folder.path(), Clock::frozen(moment))
        };
        let (behind, ahead) = (at(-24).await, at(24).await);
        for (one, other) in [(&behind, &ahead), (&ahead, &behind)] {
            for lease in [
                Lease::to_work_on(&digest("a")),
                Lease::to_delete(&digest("b")),
            ] {
                let claim = move |conn: &mut AnyConnection, lease: &Lease, now| {
                    lease.claim_in_txn(conn, now)
                };
                let work = hold(one, &lease, claim, async {
                    assert!(is_busy(other, "a").await || is_busy(other, "b").await);
                    assert_eq!(deletions_lost(other, 9).await.unwrap(), []);
                });
                assert!(matches!(work.await.unwrap(), Held::Done(())));
            }
        }
        // What a killed process has left ends when the server says so.
        claim(&ahead, Lease::to_work_on(&digest("c"))).await;
        let is_free = async || (!is_busy(&behind, "c").await).then_some(());
        releng_testkit::poll::eventually(LEASE * 6, is_free).await;
    }

    #[tokio::test]
    async fn work_that_was_stopped_knows_it() {
        let folder = releng_testkit::temp::dir();
        let (one, two, _) = two(folder.path()).await;
        let lease = Lease::to_work_on(&digest("a"));
        let is_held = async || {
            let lease = lease.clone();
            let ask = one.db.write(move |conn| lease.is_held_in_txn(conn));
            ask.await.unwrap()
        };
        let work = work_on(&one, &digest("a"), &lease, async {
            assert!(is_held().await);
            let stop = two
                .db
                .write(|conn| work_stop_in_txn(conn, &digest("a")))
                .await;
            stop.unwrap();
            assert!(!is_held().await);
        })
        .await;
        assert!(matches!(work.unwrap(), Held::Done(())));
    }
}
