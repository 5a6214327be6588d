// SPDX-License-Identifier: MPL-2.0
//! Queries on the files of uploads.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::rows::FileRow;
use super::schema::upload_fileupload as files;
use crate::domain::{FileUpload, NewFile};

/// Most files of one upload that are shown.
const MAX_LISTED: i64 = 50_000;

/// Records that a file is about to be stored.
pub(crate) fn file_insert_in_txn(
    conn: &mut AnyConnection,
    upload_id: i32,
    file: &NewFile,
    now: NaiveDateTime,
) -> QueryResult<i32> {
    let (code_file, code_id) = match &file.code {
        Some((code_file, code_id)) => (code_file.as_deref(), Some(code_id.as_str())),
        None => (None, None),
    };
    let row = (
        files::bucket_name.eq(&file.bucket_name),
        files::key.eq(&file.key),
        files::update.eq(file.is_update),
        files::compressed.eq(file.is_compressed),
        files::size.eq(file.size),
        files::microsoft_download.eq(false),
        files::created_at.eq(now),
        files::upload_id.eq(upload_id),
        files::code_file.eq(code_file),
        files::code_id.eq(code_id),
    );
    diesel::insert_into(files::table)
        .values(row)
        .returning(files::id)
        .get_result(conn)
}

/// Records that files are stored.
pub(crate) fn file_complete_in_txn(
    conn: &mut AnyConnection,
    ids: &[i32],
    now: NaiveDateTime,
) -> QueryResult<()> {
    diesel::update(files::table.filter(files::id.eq_any(ids)))
        .set(files::completed_at.eq(now))
        .execute(conn)
        .map(|_| ())
}

/// Returns the files of an upload.
pub(crate) fn file_list_of_upload(
    conn: &mut AnyConnection,
    upload_id: i32,
) -> QueryResult<Vec<FileUpload>> {
    let rows: Vec<FileRow> = files::table
        .filter(files::upload_id.eq(upload_id))
        .order(files::id)
        .limit(MAX_LISTED)
        .select(FileRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(FileUpload::from).collect())
}

/// Returns the key of the newest symbol file that names this code file and id.
pub(crate) fn file_find_by_code(
    conn: &mut AnyConnection,
    code_file: &str,
    code_id: &str,
) -> QueryResult<Option<String>> {
    files::table
        .filter(files::code_id.eq(code_id))
        .filter(files::code_file.eq(code_file))
        .filter(files::completed_at.is_not_null())
        .order(files::id.desc())
        .select(files::key)
        .first(conn)
        .optional()
}
