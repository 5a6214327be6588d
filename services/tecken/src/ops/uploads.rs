// SPDX-License-Identifier: MPL-2.0
//! Reading what was uploaded.

use releng_common::{Error, Result};

use crate::domain::{Caller, FileUpload, Permission, Upload};
use crate::{State, repo};

/// Text for an upload that does not exist.
pub const NO_UPLOAD: &str = "No Upload matches the given query.";

/// Returns an upload with its files.
///
/// # Errors
/// `NotFound`, `Forbidden` for somebody else's without the right to see all.
pub async fn upload_fetch(
    state: &State,
    caller: &Caller,
    id: i32,
) -> Result<(Upload, Vec<FileUpload>)> {
    let (user_id, sees_all) = (caller.user.id, caller.has(Permission::ViewAllUploads));
    state
        .db
        .read(move |conn| {
            let Some(upload) = repo::upload_find(conn, id)? else {
                return Err(Error::not_found(NO_UPLOAD).into());
            };
            if upload.user_id != user_id && !sees_all {
                return Err(Error::forbidden("Insufficient access to view this upload").into());
            }
            Ok((upload, repo::file_list_of_upload(conn, id)?))
        })
        .await
}

/// Returns the newest uploads that somebody may see.
///
/// # Errors
/// The database does not answer.
pub async fn upload_recent(
    state: &State,
    caller: &Caller,
    page: i64,
    size: i64,
) -> Result<Vec<Upload>> {
    let only = (!caller.has(Permission::ViewAllUploads)).then_some(caller.user.id);
    let offset = page.saturating_sub(1).saturating_mul(size);
    state
        .db
        .read(move |conn| Ok(repo::upload_list(conn, only, offset, size)?))
        .await
}
