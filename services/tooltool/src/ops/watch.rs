// SPDX-License-Identifier: MPL-2.0
//! Looking again at verified objects that a late PUT may have replaced (ADR 11).

use releng_common::{Error, Result};
use releng_db::AnyConnection;
use releng_queue::Queue as _;

use super::lease::{Held, Lease, hold, work_on};
use super::verify::{Found, inspect};
use super::work::Work;
use crate::domain::{File, Sha512, Verdict, Watch};
use crate::regions::{self, RegionStore};
use crate::{State, repo};

/// Looks at the objects of a file whose time has come. Returns whether nobody else was at it.
///
/// # Errors
/// A store or the database does not answer.
pub async fn file_watch(state: &State, digest: &Sha512) -> Result<bool> {
    let lease = Lease::to_work_on(digest);
    match work_on(state, digest, &lease, watch(state, &lease, digest)).await? {
        Held::Done(result) => result.map(|()| true),
        Held::Busy => Ok(false),
    }
}

async fn watch(state: &State, lease: &Lease, digest: &Sha512) -> Result<()> {
    let wanted = digest.clone();
    let found = state
        .db
        .read(move |conn| {
            let Some(file) = repo::file_fetch(conn, &wanted)? else {
                return Ok(None);
            };
            Ok(Some((repo::watch_list(conn, file.id)?, file)))
        })
        .await?;
    let Some((watches, file)) = found else {
        return Ok(());
    };
    let now = state.clock.now().naive_utc();
    let mut result = Ok(());
    for watch in watches.into_iter().filter(|watch| watch.next_look <= now) {
        // One region that is away does not keep the others from being looked at.
        if let Err(error) = look(state, lease, &file, watch).await {
            result = Err(error);
        }
    }
    result
}

async fn look(state: &State, lease: &Lease, file: &File, watch: Watch) -> Result<()> {
    let digest = &file.digest;
    let Some(region) = state.regions.get(&watch.region) else {
        return go_on(state, lease, file, watch).await;
    };
    let head = region.store.head(&regions::key(digest)?).await?;
    let Some(head) = head else {
        tracing::error!(
            file.digest = %digest, region = watch.region,
            "the object of {digest} is gone from {}", watch.region
        );
        return go_on(state, lease, file, watch).await;
    };
    if head.etag == watch.etag {
        return go_on(state, lease, file, watch).await;
    }
    match inspect(region, file).await? {
        Found::Nothing => Err(Error::unavailable("the object changes")),
        // The same bytes once more.
        Found::Object(Verdict::Valid, etag) => {
            go_on(state, lease, file, Watch { etag, ..watch }).await
        }
        Found::Object(Verdict::Invalid(reason), _) => {
            tracing::error!(
                file.digest = %digest, region = watch.region, reason,
                "a late PUT replaced {digest} in {}: deleted there", watch.region
            );
            remove(state, lease, file, &watch, region).await
        }
    }
}

/// Notes when to look next, or that it was the last time.
async fn go_on(state: &State, lease: &Lease, file: &File, watch: Watch) -> Result<()> {
    let now = state.clock.now().naive_utc();
    let next = watch.after_look(now, state.settings.own.recheck_after_secs);
    let (lease, digest) = (lease.clone(), file.digest.clone());
    state
        .db
        .write_behind(move |conn| {
            let Some(file) = repo::file_lock_in_txn(conn, &digest)? else {
                return Ok(());
            };
            match &next {
                _ if !lease.is_held_in_txn(conn)? => {}
                Some(next) => repo::watch_upsert_in_txn(conn, file.id, next)?,
                None => repo::watch_delete_in_txn(conn, file.id, &watch.region)?,
            }
            Ok(())
        })
        .await
}

/// Deletes an object that is not the file any more, and the row that says it is. Another region gives
/// the file back, where there is one.
async fn remove(
    state: &State,
    lease: &Lease,
    file: &File,
    watch: &Watch,
    region: &RegionStore,
) -> Result<()> {
    let digest = &file.digest;
    let (working, sha512) = (lease.clone(), digest.clone());
    let claim = move |conn: &mut AnyConnection, deleting: &Lease, now| {
        repo::file_lock_in_txn(conn, &sha512)?;
        Ok(working.is_held_in_txn(conn)? && deleting.claim_in_txn(conn, now)?)
    };
    let (sha512, name) = (digest.clone(), watch.region.clone());
    let deleting = Lease::to_delete(digest);
    let held = deleting.clone();
    let work = async {
        region.store.delete(&regions::key(digest)?).await?;
        let forget = move |conn: &mut AnyConnection| {
            let file = repo::file_lock_in_txn(conn, &sha512)?;
            // Without the lease another upload may have brought the object back.
            if !held.is_held_in_txn(conn)? {
                return Err(Error::unavailable("the file is being changed").into());
            }
            if let Some(file) = file {
                repo::instance_delete_in_txn(conn, file.id, &name)?;
                repo::watch_delete_in_txn(conn, file.id, &name)?;
            }
            Ok(())
        };
        state.db.write_behind(forget).await
    };
    match hold(state, &deleting, claim, work).await? {
        Held::Done(result) => result?,
        Held::Busy => return Err(Error::unavailable("the file is being changed")),
    }
    state
        .queue
        .send(Work::Replicate(digest.clone()).job())
        .await?;
    Ok(())
}
