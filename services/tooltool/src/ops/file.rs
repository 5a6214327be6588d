// SPDX-License-Identifier: MPL-2.0
//! Reading and administering files.

use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use super::{Listed, NO_BUCKET, Span, no_such_thing, one_more};
use crate::domain::{Change, File, Sha512};
use crate::{State, regions, repo};

/// Times that a change is tried while workers add copies of the file.
const TRIES: u32 = 5;

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

/// Applies changes in order, all or nothing, and returns the file as it is afterwards. Objects are
/// deleted before the rows: a row without object would promise what is not there for ever.
///
/// # Errors
/// `NotFound`; `Internal` when a store fails or a region is not configured.
pub async fn file_change(
    state: &State,
    who: &str,
    digest: &Sha512,
    changes: Vec<Change>,
) -> Result<File> {
    for _ in 0..TRIES {
        let file = file_fetch(state, digest).await?;
        if changes.contains(&Change::DeleteInstances) {
            objects_delete(state, &file).await?;
        }
        let (expected, changes) = (file, changes.clone());
        let work = move |conn: &mut AnyConnection| change_in_txn(conn, &expected, &changes);
        if let Some(file) = state.db.write(work).await? {
            tracing::info!(client.id = who, file.digest = %digest, "file {digest} changed");
            return Ok(file);
        }
    }
    Err(Error::unavailable("the file is being copied, try again"))
}

/// Returns `None` when the file got another instance since it was looked at.
fn change_in_txn(
    conn: &mut AnyConnection,
    expected: &File,
    changes: &[Change],
) -> TxResult<Option<File>> {
    let file = repo::file_lock_in_txn(conn, &expected.digest)?.ok_or_else(no_such_thing)?;
    for change in changes {
        match *change {
            Change::SetVisibility(visibility) => {
                repo::file_update_in_txn(conn, file.id, file.size, visibility)?;
            }
            Change::DeleteInstances if file.instances != expected.instances => return Ok(None),
            Change::DeleteInstances => repo::instance_delete_all_in_txn(conn, file.id)?,
        }
    }
    Ok(repo::file_fetch(conn, &file.digest)?)
}

/// Deletes the objects of a file in all its regions.
async fn objects_delete(state: &State, file: &File) -> Result<()> {
    let mut stores = Vec::new();
    for name in &file.instances {
        let region = state.regions.get(name);
        let region =
            region.ok_or_else(|| Error::internal(format!("{NO_BUCKET}`{name}` defined.")))?;
        stores.push(&region.store);
    }
    let key = regions::key(&file.digest)?;
    for store in stores {
        store
            .delete(&key)
            .await
            .map_err(|e| Error::internal("an object cannot be deleted").with_source(e))?;
    }
    Ok(())
}
