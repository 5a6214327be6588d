// SPDX-License-Identifier: MPL-2.0
//! Queries on the files of uploads.

use chrono::NaiveDateTime;
use diesel::dsl::{count, count_star};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use releng_db::AnyConnection;

use super::rows::{FileRow, ListedFile};
use super::schema::upload_fileupload as files;
use crate::domain::{Code, FileCounts, FileUpload, NewFile};

#[diesel::declare_sql_function]
extern "SQL" {
    fn substr(text: Text, from: Integer, length: Integer) -> Text;
    fn replace(text: Text, what: Text, with: Text) -> Text;
    fn length(text: Text) -> Integer;
}

/// Most rows of one answer.
const MAX_LISTED: i64 = 50_000;
/// Rows that a process looks at first.
const NEWEST: i64 = 1_000;

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

/// Returns the files with numbers above one, the newest ones without it, and these others. The oldest
/// come first, and not more than can be taken at once.
pub(crate) fn file_list_after(
    conn: &mut AnyConnection,
    after: Option<i32>,
    also: &[i32],
) -> QueryResult<Vec<ListedFile>> {
    let listed = files::table.select(ListedFile::as_select());
    let mut rows: Vec<ListedFile> = match after {
        Some(after) => listed
            .filter(files::id.gt(after))
            .order(files::id)
            .limit(MAX_LISTED)
            .load(conn)?,
        None => listed.order(files::id.desc()).limit(NEWEST).load(conn)?,
    };
    if !also.is_empty() {
        let more = listed.filter(files::id.eq_any(also)).order(files::id);
        rows.extend(more.limit(MAX_LISTED).load::<ListedFile>(conn)?);
    }
    Ok(rows)
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

/// Returns, for uploads that have files, how many they have and how many of them are not stored.
pub(crate) fn file_count_of_uploads(
    conn: &mut AnyConnection,
    upload_ids: &[i32],
) -> QueryResult<Vec<(i32, FileCounts)>> {
    let rows: Vec<(Option<i32>, i64, i64)> = files::table
        .filter(files::upload_id.eq_any(upload_ids))
        .group_by(files::upload_id)
        .select((files::upload_id, count_star(), count(files::completed_at)))
        .load(conn)?;
    let counted = |(id, all, stored): (Option<i32>, i64, i64)| {
        let incomplete = all - stored;
        Some((id?, FileCounts { all, incomplete }))
    };
    Ok(rows.into_iter().filter_map(counted).collect())
}

/// Returns the first files of an upload.
pub(crate) fn file_list_of_upload(
    conn: &mut AnyConnection,
    upload_id: i32,
    limit: usize,
) -> QueryResult<Vec<FileUpload>> {
    let rows: Vec<FileRow> = files::table
        .filter(files::upload_id.eq(upload_id))
        .order(files::id)
        .limit(i64::from(number(limit)))
        .select(FileRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(FileUpload::from).collect())
}

/// Where the keys of one location are.
#[derive(Clone, Debug)]
pub(crate) struct CodePlace {
    /// Its bucket or folder.
    pub bucket_name: String,
    /// What stands before module, id and file; empty, or ending with a slash.
    pub prefix: String,
}

/// Returns the key of the newest symbol file at these places that names this code file and id.
pub(crate) fn file_find_by_code(
    conn: &mut AnyConnection,
    (code_file, code_id): (&str, &str),
    places: &[CodePlace],
) -> QueryResult<Option<String>> {
    let mut newest: Option<(i32, String)> = None;
    for place in places {
        let prefix = &place.prefix;
        // The prefix of one place may begin with that of another, so the slashes count as well.
        let slashes = place.prefix.matches('/').count() + 2;
        let found = files::table
            .filter(files::code_id.eq(code_id))
            .filter(files::code_file.eq(code_file))
            .filter(files::completed_at.is_not_null())
            .filter(files::bucket_name.eq(&place.bucket_name))
            .filter(substr(files::key, 1, number(prefix.chars().count())).eq(prefix))
            .filter(length(files::key).eq(length(replace(files::key, "/", "")) + number(slashes)))
            .order(files::id.desc())
            .select((files::id, files::key))
            .first(conn)
            .optional()?;
        newest = newest.max(found);
    }
    Ok(newest.map(|(_, key)| key))
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Returns those of the files, given by full key and code, that are not recorded as stored.
pub(crate) fn file_list_incomplete(
    conn: &mut AnyConnection,
    bucket_name: &str,
    wanted: &[(String, Code)],
) -> QueryResult<Vec<i32>> {
    let code_ids: Vec<&str> = wanted.iter().map(|(_, (_, id))| id.as_str()).collect();
    let keys: Vec<&str> = wanted.iter().map(|(key, _)| key.as_str()).collect();
    let rows: Vec<(i32, String, Option<String>, Option<String>)> = files::table
        .filter(files::code_id.eq_any(code_ids))
        .filter(files::completed_at.is_null())
        .filter(files::bucket_name.eq(bucket_name))
        .filter(files::key.eq_any(keys))
        .order(files::id)
        .limit(MAX_LISTED)
        .select((files::id, files::key, files::code_file, files::code_id))
        .load(conn)?;
    let is_wanted = |key: &str, file: Option<&str>, id: Option<&str>| {
        wanted
            .iter()
            .any(|(k, (f, i))| k == key && f.as_deref() == file && Some(i.as_str()) == id)
    };
    Ok(rows
        .into_iter()
        .filter(|(_, key, file, id)| is_wanted(key, file.as_deref(), id.as_deref()))
        .map(|(id, ..)| id)
        .collect())
}
