// SPDX-License-Identifier: MPL-2.0
//! Reading and administering files.

use releng_common::{Error, Result};
use releng_db::AnyConnection;
use releng_queue::Queue as _;

use super::lease::{Held, Lease, hold, work_stop_in_txn};
use super::work::Work;
use super::{BEING_DELETED, Listed, NO_BUCKET, PATIENCE, PAUSE, Span, no_such_thing, one_more};
use crate::domain::{Change, File, Sha512};
use crate::{State, regions, repo};

/// Returns one file.
///
/// # Errors
/// `NotFound`.
pub async fn file_fetch(state: &State, digest: &Sha512) -> Result<File> {
    let digest = digest.clone();
    let file = state
        .db
        .read(move |conn| Ok(repo::file_fetch(conn, &digest)?))
        .await?;
    file.ok_or_else(no_such_thing)
}

/// Returns the files whose digest begins with a text or that have a name that contains it, newest
/// first.
///
/// # Errors
/// The database does not answer.
pub async fn file_search(state: &State, text: String, span: Span) -> Result<Listed<File>> {
    let read = one_more(span);
    let found = state
        .db
        .read(move |conn| Ok(repo::file_search(conn, &text, read)?))
        .await?;
    Ok(Listed::cut(found, span.limit))
}

/// Applies changes in order, all or nothing, and returns the file as it is afterwards.
///
/// # Errors
/// `NotFound`; `Internal` when a store fails or a region is not configured; `Unavailable` when somebody
/// else deletes the objects and does not come to an end.
pub async fn file_change(
    state: &State,
    who: &str,
    digest: &Sha512,
    changes: Vec<Change>,
) -> Result<File> {
    let file = if changes.contains(&Change::DeleteInstances) {
        change_with_objects(state, digest, &changes).await?
    } else {
        change_rows(state, digest, &changes, None).await?
    };
    tracing::info!(client.id = who, file.digest = %digest, "file {digest} changed");
    Ok(file)
}

/// Writes changes. Whoever deleted the objects before must still hold the lease for that: another upload
/// may have brought them back since.
async fn change_rows(
    state: &State,
    digest: &Sha512,
    changes: &[Change],
    deleting: Option<&Lease>,
) -> Result<File> {
    let (digest, changes, deleting) = (digest.clone(), changes.to_vec(), deleting.cloned());
    state
        .db
        .write(move |conn| {
            let file = repo::file_lock_in_txn(conn, &digest)?.ok_or_else(no_such_thing)?;
            if let Some(deleting) = &deleting
                && !deleting.is_held_in_txn(conn)?
            {
                return Err(Error::unavailable(BEING_DELETED).into());
            }
            for change in &changes {
                match *change {
                    Change::SetVisibility(visibility) => {
                        repo::file_update_in_txn(conn, file.id, file.size, visibility)?;
                    }
                    Change::DeleteInstances => {
                        repo::instance_delete_all_in_txn(conn, file.id)?;
                        repo::watch_delete_all_in_txn(conn, file.id)?;
                    }
                }
            }
            Ok(repo::file_fetch(conn, &digest)?.ok_or_else(no_such_thing)?)
        })
        .await
}

/// Deletes the objects and then the rows: a row without object would promise what is not there for
/// ever. What a worker has found out about the objects until now does not count any more.
async fn change_with_objects(state: &State, digest: &Sha512, changes: &[Change]) -> Result<File> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (sha512, lease) = (digest.clone(), Lease::to_delete(digest));
        let claim = move |conn: &mut AnyConnection, deleting: &Lease, now| {
            repo::file_lock_in_txn(conn, &sha512)?.ok_or_else(no_such_thing)?;
            if !deleting.claim_in_txn(conn, now)? {
                return Ok(false);
            }
            work_stop_in_txn(conn, &sha512)?;
            Ok(true)
        };
        let work = async {
            objects_delete(state, digest).await?;
            change_rows(state, digest, changes, Some(&lease)).await
        };
        match hold(state, &lease, claim, work).await? {
            Held::Done(result) => return result,
            Held::Busy if tokio::time::Instant::now() >= deadline => {
                return Err(Error::unavailable(BEING_DELETED));
            }
            Held::Busy => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Deletes the objects of a file: where it has instances, where bytes may just have come, and, should
/// a copy that nobody noted lie there, in all other regions.
async fn objects_delete(state: &State, digest: &Sha512) -> Result<()> {
    let wanted = digest.clone();
    let (file, pending) = state
        .db
        .read(move |conn| {
            let file = repo::file_fetch(conn, &wanted)?.ok_or_else(no_such_thing)?;
            Ok((repo::pending_fetch(conn, file.id)?, file))
        })
        .await
        .map(|(pending, file)| (file, pending))?;
    let unknown = file
        .instances
        .iter()
        .find(|name| state.regions.get(name).is_none());
    if let Some(name) = unknown {
        return Err(Error::internal(format!("{NO_BUCKET}`{name}` defined.")));
    }
    let key = regions::key(digest)?;
    for name in state.regions.names() {
        let Some(region) = state.regions.get(name) else {
            continue;
        };
        let must = file.instances.iter().any(|i| i == name)
            || pending.as_ref().is_some_and(|p| p.region == name);
        match region.store.delete(&key).await {
            Err(error) if must => {
                // Regions before this one have lost theirs: their rows are put right by a worker.
                recount_later(state, digest).await;
                return Err(Error::internal("an object cannot be deleted").with_source(error));
            }
            Err(error) => tracing::warn!(
                file.digest = %digest, region = name, error = error.chain(),
                "not known whether {name} has bytes of {digest}"
            ),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn recount_later(state: &State, digest: &Sha512) {
    if let Err(error) = state.queue.send(Work::Recount(digest.clone()).job()).await {
        tracing::error!(file.digest = %digest, error = error.chain(), "{digest} is not counted again");
    }
}

#[cfg(test)]
mod tests {
    use releng_common::{Clock, Kind};

    use super::*;
    use crate::domain::{Filename, NewFile, Visibility};
    use crate::ops::lease::tests::{claim, digest, open};

    #[tokio::test]
    async fn who_lost_the_lease_to_delete_leaves_the_rows_of_a_later_upload() {
        let folder = releng_testkit::temp::dir();
        let state = open(folder.path(), Clock::system()).await;
        let stored = |conn: &mut AnyConnection| {
            let new = NewFile {
                filename: Filename::parse("a")?,
                digest: digest("a"),
                size: 1,
                visibility: Visibility::Public,
            };
            repo::file_ensure_all_in_txn(conn, &[&new])?;
            let file = repo::file_fetch(conn, &digest("a"))?.ok_or_else(no_such_thing)?;
            Ok(repo::instance_insert_in_txn(conn, file.id, "local")?)
        };
        state.db.write(stored).await.unwrap();

        let lost = Lease::to_delete(&digest("a"));
        let delete = [Change::DeleteInstances];
        let refused = change_rows(&state, &digest("a"), &delete, Some(&lost)).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
        let file = file_fetch(&state, &digest("a")).await.unwrap();
        assert_eq!(file.instances, ["local"]);

        claim(&state, lost.clone()).await;
        let file = change_rows(&state, &digest("a"), &delete, Some(&lost)).await;
        assert!(file.unwrap().instances.is_empty());
    }
}
