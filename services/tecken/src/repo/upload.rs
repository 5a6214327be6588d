// SPDX-License-Identifier: MPL-2.0
//! Queries on uploads and their totals by day.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::rows::{UploadRow, keys_to};
use super::schema::{auth_user, upload_upload, upload_uploadscreated as days};
use crate::domain::{NewUpload, Upload};

/// Records that an upload begins.
pub(crate) fn upload_insert_in_txn(
    conn: &mut AnyConnection,
    upload: &NewUpload,
    now: NaiveDateTime,
) -> QueryResult<i32> {
    let row = (
        upload_upload::filename.eq(&upload.filename),
        upload_upload::bucket_name.eq(&upload.bucket_name),
        upload_upload::bucket_region.eq(&upload.bucket_region),
        upload_upload::bucket_endpoint_url.eq(&upload.bucket_endpoint_url),
        upload_upload::ignored_keys.eq(keys_to(&upload.ignored_keys)),
        upload_upload::size.eq(upload.size),
        upload_upload::content_hash.eq(&upload.content_hash),
        upload_upload::try_symbols.eq(upload.try_symbols),
        upload_upload::created_at.eq(now),
        upload_upload::user_id.eq(upload.user_id),
    );
    diesel::insert_into(upload_upload::table)
        .values(row)
        .returning(upload_upload::id)
        .get_result(conn)
}

/// Records that everything of an upload is stored.
pub(crate) fn upload_complete_in_txn(
    conn: &mut AnyConnection,
    id: i32,
    skipped_keys: &[String],
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        upload_upload::skipped_keys.eq(keys_to(skipped_keys)),
        upload_upload::completed_at.eq(now),
    );
    diesel::update(upload_upload::table.find(id))
        .set(row)
        .execute(conn)
        .map(|_| ())
}

/// Returns an upload.
pub(crate) fn upload_find(conn: &mut AnyConnection, id: i32) -> QueryResult<Option<Upload>> {
    let found: Option<(UploadRow, String)> = upload_upload::table
        .inner_join(auth_user::table)
        .filter(upload_upload::id.eq(id))
        .select((UploadRow::as_select(), auth_user::email))
        .first(conn)
        .optional()?;
    Ok(found.map(|(row, email)| row.of(email)))
}

/// Returns uploads, newest first: one user's, or everybody's.
pub(crate) fn upload_list(
    conn: &mut AnyConnection,
    user_id: Option<i32>,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<Upload>> {
    let query = upload_upload::table
        .inner_join(auth_user::table)
        .order(upload_upload::id.desc())
        .offset(offset)
        .limit(limit)
        .select((UploadRow::as_select(), auth_user::email));
    let rows: Vec<(UploadRow, String)> = match user_id {
        Some(user_id) => query
            .filter(upload_upload::user_id.eq(user_id))
            .load(conn)?,
        None => query.load(conn)?,
    };
    Ok(rows.into_iter().map(|(row, email)| row.of(email)).collect())
}

/// Returns the newest other uploads of the same person and content. Old records have no hash, so their
/// name has to do.
pub(crate) fn upload_list_related(
    conn: &mut AnyConnection,
    upload: &Upload,
    limit: i64,
) -> QueryResult<Vec<Upload>> {
    let query = upload_upload::table
        .inner_join(auth_user::table)
        .filter(upload_upload::size.eq(upload.size))
        .filter(upload_upload::user_id.eq(upload.user_id))
        .filter(upload_upload::id.ne(upload.id))
        .order(upload_upload::id.desc())
        .limit(limit)
        .select((UploadRow::as_select(), auth_user::email));
    let rows: Vec<(UploadRow, String)> = match &upload.content_hash {
        Some(hash) => query
            .filter(upload_upload::content_hash.eq(hash))
            .load(conn)?,
        None => query
            .filter(upload_upload::filename.eq(&upload.filename))
            .load(conn)?,
    };
    Ok(rows.into_iter().map(|(row, email)| row.of(email)).collect())
}

/// What an upload adds to its day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayTotals {
    pub files: i64,
    pub skipped: i64,
    pub ignored: i64,
    pub size: i64,
}

/// Adds an upload to the totals of its day.
pub(crate) fn uploads_created_add_in_txn(
    conn: &mut AnyConnection,
    totals: DayTotals,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        days::date.eq(now.date()),
        days::count.eq(1),
        days::files.eq(totals.files),
        days::skipped.eq(totals.skipped),
        days::ignored.eq(totals.ignored),
        days::size.eq(totals.size),
        days::size_avg.eq(totals.size),
        days::created_at.eq(now),
        days::modified_at.eq(now),
    );
    let change = (
        days::count.eq(days::count + 1),
        days::files.eq(days::files + totals.files),
        days::skipped.eq(days::skipped + totals.skipped),
        days::ignored.eq(days::ignored + totals.ignored),
        days::size.eq(days::size + totals.size),
        days::size_avg.eq((days::size + totals.size) / (days::count + 1)),
        days::modified_at.eq(now),
    );
    on_backend!(conn, c => diesel::insert_into(days::table)
        .values(row)
        .on_conflict(days::date)
        .do_update()
        .set(change)
        .execute(c))
    .map(|_| ())
}
