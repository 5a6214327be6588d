// SPDX-License-Identifier: MPL-2.0
//! Files of the archive folder that were dealt with.

use diesel::prelude::*;
use diesel::upsert::excluded;
use releng_db::{AnyConnection, on_backend};

use super::schema::archive_file;

/// A file as it was when it was dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = archive_file)]
pub(crate) struct FileRow {
    pub(crate) path: String,
    pub(crate) size_bytes: i64,
    pub(crate) modified_ns: i64,
    pub(crate) inode: i64,
    /// Why it is no record; `None` for a stored one.
    pub(crate) problem: Option<String>,
}

/// Returns what is known of these files.
pub(crate) fn archive_file_known(
    conn: &mut AnyConnection,
    paths: &[String],
) -> QueryResult<Vec<FileRow>> {
    archive_file::table
        .filter(archive_file::path.eq_any(paths))
        .order(archive_file::path)
        .select(FileRow::as_select())
        .load(conn)
}

/// Remembers a file.
pub(crate) fn archive_file_put_in_txn(conn: &mut AnyConnection, row: &FileRow) -> QueryResult<()> {
    on_backend!(conn, c => diesel::insert_into(archive_file::table)
        .values(row.clone())
        .on_conflict(archive_file::path)
        .do_update()
        .set((
            archive_file::size_bytes.eq(excluded(archive_file::size_bytes)),
            archive_file::modified_ns.eq(excluded(archive_file::modified_ns)),
            archive_file::inode.eq(excluded(archive_file::inode)),
            archive_file::problem.eq(excluded(archive_file::problem)),
        ))
        .execute(c))
    .map(|_| ())
}
