// SPDX-License-Identifier: MPL-2.0
//! Making rows true again after a deletion that was cut short between the objects and the rows.

use releng_common::{Error, Result};

use super::lease::{Held, Lease, deletion_settle_in_txn, work_on};
use crate::domain::Sha512;
use crate::{State, regions, repo};

/// Forgets the copies of a file whose objects are provably gone: a deletion was cut short between the
/// objects and the rows. Returns whether nobody else was at it.
///
/// # Errors
/// A store or the database does not answer.
pub async fn file_recount(state: &State, digest: &Sha512) -> Result<bool> {
    let lease = Lease::to_work_on(digest);
    let held = work_on(state, digest, &lease, recount(state, &lease, digest)).await?;
    match held {
        Held::Done(result) => result.map(|()| true),
        Held::Busy => Ok(false),
    }
}

async fn recount(state: &State, lease: &Lease, digest: &Sha512) -> Result<()> {
    let wanted = digest.clone();
    let file = state
        .db
        .read(move |conn| Ok(repo::file_fetch(conn, &wanted)?))
        .await?;
    let Some(file) = file else { return Ok(()) };
    let key = regions::key(digest)?;
    let mut gone = Vec::new();
    for name in &file.instances {
        if let Some(region) = state.regions.get(name)
            && region.store.head(&key).await?.is_none()
        {
            gone.push(name.clone());
        }
    }
    let (lease, names, sha512) = (lease.clone(), gone.clone(), digest.clone());
    let is_noted = state
        .db
        .write_behind(move |conn| {
            let Some(file) = repo::file_lock_in_txn(conn, &sha512)? else {
                return Ok(false);
            };
            if !lease.is_held_in_txn(conn)? {
                return Ok(false);
            }
            for region in &names {
                repo::instance_delete_in_txn(conn, file.id, region)?;
                repo::watch_delete_in_txn(conn, file.id, region)?;
            }
            deletion_settle_in_txn(conn, &sha512)?;
            Ok(true)
        })
        .await?;
    if !is_noted {
        return Err(Error::unavailable("the file is being changed"));
    }
    if !gone.is_empty() {
        let regions = gone.join(", ");
        tracing::warn!(file.digest = %digest, regions, "{digest} is gone from {regions}");
    }
    Ok(())
}
