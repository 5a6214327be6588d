// SPDX-License-Identifier: MPL-2.0
//! Queries on pending uploads.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::rows::PendingRow;
use super::schema::{files, pending};
use crate::domain::{Pending, Sha512};

/// Returns the pending upload of a file.
pub(crate) fn pending_fetch(
    conn: &mut AnyConnection,
    file_id: i32,
) -> QueryResult<Option<Pending>> {
    let row: Option<PendingRow> = pending::table
        .find(file_id)
        .select(PendingRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Pending::from))
}

/// Locks the pending upload of a file and returns it.
pub(crate) fn pending_lock_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
) -> QueryResult<Option<Pending>> {
    let found = pending::table.find(file_id);
    let row: Option<PendingRow> = match conn {
        AnyConnection::Postgres(c) => found
            .select(PendingRow::as_select())
            .for_update()
            .first(c)
            .optional()?,
        // The transaction holds SQLite's only write lock already.
        AnyConnection::Sqlite(c) => found.select(PendingRow::as_select()).first(c).optional()?,
    };
    Ok(row.map(Pending::from))
}

/// Notes that a PUT URL was handed out; it takes the place of an earlier one.
pub(crate) fn pending_upsert_in_txn(conn: &mut AnyConnection, upload: &Pending) -> QueryResult<()> {
    let rest = (
        pending::expires.eq(upload.expires),
        pending::region.eq(&upload.region),
    );
    on_backend!(conn, c => diesel::insert_into(pending::table)
        .values((pending::file_id.eq(upload.file_id), rest))
        .on_conflict(pending::file_id)
        .do_update()
        .set(rest)
        .execute(c))
    .map(|_| ())
}

/// Forgets the pending upload of a file.
pub(crate) fn pending_delete_in_txn(conn: &mut AnyConnection, file_id: i32) -> QueryResult<()> {
    diesel::delete(pending::table.find(file_id))
        .execute(conn)
        .map(|_| ())
}

/// Returns the digests whose PUT URL ended before `now`, by file, from the one after `after` on.
pub(crate) fn pending_due(
    conn: &mut AnyConnection,
    now: NaiveDateTime,
    after: i32,
    limit: i64,
) -> QueryResult<Vec<(i32, Sha512)>> {
    let rows: Vec<(i32, String)> = pending::table
        .inner_join(files::table)
        .filter(pending::expires.le(now))
        .filter(pending::file_id.gt(after))
        .order(pending::file_id)
        .limit(limit)
        .select((pending::file_id, files::sha512))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, digest)| (id, Sha512::stored(digest)))
        .collect())
}
