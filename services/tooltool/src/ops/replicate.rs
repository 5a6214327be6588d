// SPDX-License-Identifier: MPL-2.0
//! Bringing every file into every region (tooltool.md §5.3).

use releng_common::{Error, Result};

use super::PAGE;
use super::lease::{Held, hold};
use crate::domain::{File, Sha512};
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

/// Copies every file into every region that lacks it. One that fails does not stop the others.
/// Returns how many failed.
///
/// # Errors
/// The database does not answer.
pub async fn replicate_all(state: &State) -> Result<usize> {
    let (mut after, mut failed) = (0, 0);
    while let Some((last, files)) = replicate_page(state, after).await? {
        after = last;
        for file in files {
            let digest = &file.digest;
            if let Err(error) = file_replicate(state, digest).await {
                failed += 1;
                tracing::error!(
                    file.digest = %digest, error = error.chain(), "copying {digest} failed"
                );
            }
        }
    }
    Ok(failed)
}

/// Copies one file into every region that lacks it. Returns whether nobody else was at it.
///
/// # Errors
/// A store or the database does not answer.
pub async fn file_replicate(state: &State, digest: &Sha512) -> Result<bool> {
    match hold(
        state,
        format!("replicate/{digest}"),
        replicate(state, digest),
    )
    .await?
    {
        Held::Done(result) => result.map(|()| true),
        Held::Busy => Ok(false),
    }
}

async fn replicate(state: &State, digest: &Sha512) -> Result<()> {
    let wanted = digest.clone();
    let file = state
        .db
        .read(move |conn| Ok(repo::file_fetch(conn, &wanted)?))
        .await?;
    let Some(file) = file else { return Ok(()) };
    let source = state
        .regions
        .choose(None, file.instances.iter().map(String::as_str));
    let Some((from, source)) = source.and_then(|name| Some((name, state.regions.get(name)?)))
    else {
        tracing::warn!(file.digest = %digest, "{digest} has no copy in a configured region");
        return Ok(());
    };
    for to in missing(state, &file) {
        if let Some(target) = state.regions.get(to) {
            copy(state, &file, (from, source), (to, target)).await?;
        }
    }
    Ok(())
}

/// Copies one object and notes the instance, unless the source was deleted meanwhile.
async fn copy(
    state: &State,
    file: &File,
    (from, source): (&str, &RegionStore),
    (to, target): (&str, &RegionStore),
) -> Result<()> {
    let key = regions::key(&file.digest)?;
    let copied = target
        .store
        .copy_from(source.store.as_ref(), &key, &key)
        .await?;
    let size = copied.map(|meta| meta.size);
    if size.is_none() || size != u64::try_from(file.size).ok() {
        let text = format!("the object in {from} is not the verified one");
        return Err(Error::internal(text));
    }
    let (digest, source, region) = (file.digest.clone(), from.to_owned(), to.to_owned());
    let is_noted = state
        .db
        .write(move |conn| {
            let file = repo::file_lock_in_txn(conn, &digest)?;
            let Some(file) = file.filter(|f| f.instances.contains(&source)) else {
                return Ok(false);
            };
            repo::instance_insert_in_txn(conn, file.id, &region)?;
            Ok(true)
        })
        .await?;
    if !is_noted {
        target.store.delete(&key).await?;
    }
    tracing::info!(file.digest = %file.digest, from, to, "{} copied to {to}", file.digest);
    Ok(())
}
