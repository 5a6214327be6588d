// SPDX-License-Identifier: MPL-2.0
//! Reading what was uploaded.

use std::collections::HashMap;

use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use crate::domain::{Caller, Permission, Upload, UploadDetails};
use crate::{State, repo};

/// Text for an upload that does not exist.
pub const NO_UPLOAD: &str = "No Upload matches the given query.";

/// Most related uploads that are shown.
const MAX_RELATED: i64 = 20;
/// Most files that are shown, those of related uploads included.
const MAX_FILES: usize = 50_000;

/// Returns an upload with its files, and the uploads of the same person and content, newest first.
///
/// # Errors
/// `NotFound`, `Forbidden` for somebody else's without the right to see all.
pub async fn upload_fetch(
    state: &State,
    caller: &Caller,
    id: i32,
) -> Result<(UploadDetails, Vec<UploadDetails>)> {
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
            let mut uploads = repo::upload_list_related(conn, &upload, MAX_RELATED)?;
            uploads.insert(0, upload);
            let mut details = with_files(conn, uploads)?.into_iter();
            let first = details
                .next()
                .ok_or_else(|| Error::internal("an upload without itself"))?;
            Ok((first, details.collect()))
        })
        .await
}

fn with_files(conn: &mut AnyConnection, uploads: Vec<Upload>) -> TxResult<Vec<UploadDetails>> {
    let ids: Vec<i32> = uploads.iter().map(|upload| upload.id).collect();
    let counts: HashMap<i32, _> = repo::file_count_of_uploads(conn, &ids)?
        .into_iter()
        .collect();
    let mut left = MAX_FILES;
    let mut details = Vec::new();
    for upload in uploads {
        let files = repo::file_list_of_upload(conn, upload.id, left)?;
        left = left.saturating_sub(files.len());
        details.push(UploadDetails {
            counts: counts.get(&upload.id).copied().unwrap_or_default(),
            upload,
            files,
        });
    }
    Ok(details)
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
