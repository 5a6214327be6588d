// SPDX-License-Identifier: MPL-2.0
//! Queries on files.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use releng_db::AnyConnection;

use super::instance::IDS_AT_ONCE;
use super::rows::{FileRow, NewFileRow};
use super::schema::{files, instances};
use super::{Span, instance, with_find};
use crate::domain::{File, NewFile, Sha512, Visibility};

/// Returns a file with its instances.
pub(crate) fn file_fetch(conn: &mut AnyConnection, digest: &Sha512) -> QueryResult<Option<File>> {
    let row: Option<FileRow> = files::table
        .filter(files::sha512.eq(digest.as_str()))
        .select(FileRow::as_select())
        .first(conn)
        .optional()?;
    one(conn, row)
}

/// Locks a file against other changes and returns it.
pub(crate) fn file_lock_in_txn(
    conn: &mut AnyConnection,
    digest: &Sha512,
) -> QueryResult<Option<File>> {
    Ok(file_lock_all_in_txn(conn, &[digest])?.pop())
}

/// Locks files against other changes, in the order of their digests, and returns those that are known
/// in that order.
pub(crate) fn file_lock_all_in_txn(
    conn: &mut AnyConnection,
    digests: &[&Sha512],
) -> QueryResult<Vec<File>> {
    let mut names: Vec<&str> = digests.iter().map(|digest| digest.as_str()).collect();
    names.sort_unstable();
    let mut rows: Vec<FileRow> = Vec::new();
    for names in names.chunks(IDS_AT_ONCE) {
        let named = files::table.order(files::sha512);
        rows.extend(match conn {
            AnyConnection::Postgres(c) => named
                .filter(files::sha512.eq_any(names))
                .select(FileRow::as_select())
                .for_update()
                .load(c)?,
            // The transaction holds SQLite's only write lock already.
            AnyConnection::Sqlite(c) => named
                .filter(files::sha512.eq_any(names))
                .select(FileRow::as_select())
                .load(c)?,
        });
    }
    with_instances(conn, rows)
}

fn one(conn: &mut AnyConnection, row: Option<FileRow>) -> QueryResult<Option<File>> {
    let Some(row) = row else { return Ok(None) };
    Ok(with_instances(conn, vec![row])?.pop())
}

/// Makes files known unless they are.
pub(crate) fn file_ensure_all_in_txn(
    conn: &mut AnyConnection,
    files_new: &[&NewFile],
) -> QueryResult<()> {
    let mut rows: Vec<NewFileRow<'_>> = files_new.iter().map(|file| NewFileRow::of(file)).collect();
    // Two batches that share new files must not wait for each other in a circle.
    rows.sort_by_key(|row| row.sha512);
    match conn {
        AnyConnection::Postgres(c) => {
            for rows in rows.chunks(IDS_AT_ONCE) {
                diesel::insert_into(files::table)
                    .values(rows)
                    .on_conflict_do_nothing()
                    .execute(c)?;
            }
        }
        AnyConnection::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(files::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(c)?;
            }
        }
    }
    Ok(())
}

/// Stores size and visibility of a file.
pub(crate) fn file_update_in_txn(
    conn: &mut AnyConnection,
    id: i32,
    size: i64,
    visibility: Visibility,
) -> QueryResult<()> {
    diesel::update(files::table.find(id))
        .set((
            files::size.eq(size),
            files::visibility.eq(visibility.as_str()),
        ))
        .execute(conn)
        .map(|_| ())
}

/// SQLite takes `$1` as a name, numbered by first appearance, so both databases read the same text.
const SEARCH: &str = "SELECT f.id, f.size, f.sha512, f.visibility FROM releng_tooltool_files f \
    WHERE substr(f.sha512, 1, length($1)) = $1 OR f.id IN \
    (SELECT b.file_id FROM releng_tooltool_batch_files b WHERE FIND(b.filename, $1) > 0) \
    ORDER BY f.id DESC LIMIT $2 OFFSET $3";

/// Returns the files whose digest begins with a text or that have a name that contains it, newest
/// first.
pub(crate) fn file_search(
    conn: &mut AnyConnection,
    text: &str,
    span: Span,
) -> QueryResult<Vec<File>> {
    let rows: Vec<FileRow> = diesel::sql_query(with_find(conn, SEARCH))
        .bind::<Text, _>(text.to_owned())
        .bind::<BigInt, _>(span.limit)
        .bind::<BigInt, _>(span.offset)
        .load(conn)?;
    with_instances(conn, rows)
}

/// Returns the next files that have instances, by id.
pub(crate) fn file_page(
    conn: &mut AnyConnection,
    after: i32,
    limit: i64,
) -> QueryResult<Vec<File>> {
    let stored = instances::table.select(instances::file_id);
    let rows: Vec<FileRow> = files::table
        .filter(files::id.gt(after))
        .filter(files::id.eq_any(stored))
        .order(files::id)
        .limit(limit)
        .select(FileRow::as_select())
        .load(conn)?;
    with_instances(conn, rows)
}

/// Adds the regions to files.
pub(super) fn with_instances(
    conn: &mut AnyConnection,
    rows: Vec<FileRow>,
) -> QueryResult<Vec<File>> {
    let ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
    let regions = instance::instance_map(conn, &ids)?;
    // Not taken out of the map: one file may stand in several batches.
    let with = |row: FileRow| {
        let instances = regions.get(&row.id).cloned().unwrap_or_default();
        row.with(instances)
    };
    Ok(rows.into_iter().map(with).collect())
}
