// SPDX-License-Identifier: MPL-2.0
//! Bringing every file into every region (tooltool.md §5.3).

use releng_common::{Error, Result};
use releng_db::AnyConnection;

use super::lease::{Held, Lease, hold, work_on};
use super::schedule::PAGE;
use crate::domain::{File, Sha512, Watch};
use crate::regions::{self, RegionStore};
use crate::{State, repo};

/// Returns the next files that some configured region lacks, and the last id that was looked at.
///
/// # Errors
/// The database does not answer.
pub(super) async fn replicate_page(state: &State, after: i32) -> Result<Option<(i32, Vec<File>)>> {
    let files = state
        .db
        .read(move |conn| Ok(repo::file_page(conn, after, PAGE)?))
        .await?;
    let Some(last) = files.last().map(|file| file.id) else {
        return Ok(None);
    };
    let lacks = |file: &File| missing(state, file).next().is_some();
    Ok(Some((last, files.into_iter().filter(lacks).collect())))
}

fn missing<'a>(state: &'a State, file: &'a File) -> impl Iterator<Item = &'a str> {
    state
        .regions
        .names()
        .filter(|name| !file.instances.iter().any(|i| i == name))
}

/// Copies one file into every region that lacks it. Returns whether nobody else was at it.
///
/// # Errors
/// A store or the database does not answer.
pub async fn file_replicate(state: &State, digest: &Sha512) -> Result<bool> {
    let lease = Lease::to_work_on(digest);
    match work_on(state, digest, &lease, replicate(state, &lease, digest)).await? {
        Held::Done(result) => result.map(|()| true),
        Held::Busy => Ok(false),
    }
}

/// One file, where it is, and what is known of the versions that were verified.
struct Task<'a> {
    state: &'a State,
    lease: &'a Lease,
    file: File,
    watches: Vec<Watch>,
}

async fn replicate(state: &State, lease: &Lease, digest: &Sha512) -> Result<()> {
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
    let task = Task {
        state,
        lease,
        file,
        watches,
    };
    let mut result = Ok(());
    for to in missing(state, &task.file) {
        // A region that is away does not keep the others from getting the file.
        if let Err(error) = task.bring(to).await {
            result = Err(error);
        }
    }
    result
}

impl Task<'_> {
    /// Copies the file into a region from the first of its regions that can give it.
    async fn bring(&self, to: &str) -> Result<()> {
        let digest = &self.file.digest;
        let Some(target) = self.state.regions.get(to) else {
            return Ok(());
        };
        let mut result = Ok(());
        let mut is_anywhere = false;
        for from in &self.file.instances {
            let Some(source) = self.state.regions.get(from) else {
                continue;
            };
            is_anywhere = true;
            result = self.copy((from, source), (to, target)).await;
            match &result {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(
                    file.digest = %digest, from, to, error = error.chain(),
                    "{digest} not copied from {from} to {to}"
                ),
            }
        }
        if !is_anywhere {
            tracing::warn!(file.digest = %digest, "{digest} has no copy in a configured region");
        }
        result
    }

    /// Copies one object and notes the instance, unless the source was deleted meanwhile.
    async fn copy(
        &self,
        (from, source): (&str, &RegionStore),
        (to, target): (&str, &RegionStore),
    ) -> Result<()> {
        let digest = &self.file.digest;
        let key = regions::key(digest)?;
        self.check_source(from, source).await?;
        let copied = target
            .store
            .copy_from(source.store.as_ref(), &key, &key)
            .await?;
        let size = copied.map(|meta| meta.size);
        if size.is_none() || size != u64::try_from(self.file.size).ok() {
            let text = format!("the object in {from} is not the verified one");
            return Err(Error::internal(text));
        }
        // Asked again: a late PUT may have come between the question and the copy.
        self.check_source(from, source).await?;
        if self.note(from, to).await? {
            tracing::info!(file.digest = %digest, from, to, "{digest} copied to {to}");
            Ok(())
        } else {
            self.discard(to, target).await
        }
    }

    /// Refuses a source that is not the version that was verified, as long as that may happen.
    async fn check_source(&self, from: &str, source: &RegionStore) -> Result<()> {
        let Some(watch) = self.watches.iter().find(|watch| watch.region == from) else {
            return Ok(());
        };
        let head = source.store.head(&regions::key(&self.file.digest)?).await?;
        if head.is_some_and(|head| head.etag == watch.etag) {
            return Ok(());
        }
        let text = format!("the object in {from} is not the verified one any more");
        Err(Error::unavailable(text))
    }

    async fn note(&self, from: &str, to: &str) -> Result<bool> {
        let (digest, lease) = (self.file.digest.clone(), self.lease.clone());
        let (source, region) = (from.to_owned(), to.to_owned());
        self.state
            .db
            .write_behind(move |conn| {
                let file = repo::file_lock_in_txn(conn, &digest)?;
                let Some(file) = file.filter(|f| f.instances.contains(&source)) else {
                    return Ok(false);
                };
                if !lease.is_held_in_txn(conn)? {
                    return Ok(false);
                }
                repo::instance_insert_in_txn(conn, file.id, &region)?;
                Ok(true)
            })
            .await
    }

    /// Deletes a copy of what was deleted meanwhile, unless somebody is about to send the file anew.
    async fn discard(&self, to: &str, target: &RegionStore) -> Result<()> {
        let digest = &self.file.digest;
        let (sha512, region) = (digest.clone(), to.to_owned());
        let claim = move |conn: &mut AnyConnection, deleting: &Lease, now| {
            let Some(file) = repo::file_lock_in_txn(conn, &sha512)? else {
                return Ok(false);
            };
            let pending = repo::pending_lock_in_txn(conn, file.id)?;
            let is_wanted = file.instances.contains(&region)
                || pending.is_some_and(|pending| pending.region == region);
            Ok(!is_wanted && deleting.claim_in_txn(conn, now)?)
        };
        let key = regions::key(digest)?;
        let work = target.store.delete(&key);
        match hold(self.state, &Lease::to_delete(digest), claim, work).await? {
            Held::Done(result) => result,
            Held::Busy => Ok(()),
        }
    }
}
