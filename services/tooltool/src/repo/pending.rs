// SPDX-License-Identifier: MPL-2.0
//! Queries on pending uploads.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::upsert::excluded;
use releng_db::AnyConnection;

use super::instance::IDS_AT_ONCE;
use super::rows::{NewPendingRow, PendingRow};
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
    Ok(pending_lock_all_in_txn(conn, &[file_id])?.pop())
}

/// Locks the pending uploads of files and returns them, by file.
pub(crate) fn pending_lock_all_in_txn(
    conn: &mut AnyConnection,
    file_ids: &[i32],
) -> QueryResult<Vec<Pending>> {
    let mut rows: Vec<PendingRow> = Vec::new();
    for ids in file_ids.chunks(IDS_AT_ONCE) {
        let found = pending::table.order(pending::file_id);
        rows.extend(match conn {
            AnyConnection::Postgres(c) => found
                .filter(pending::file_id.eq_any(ids))
                .select(PendingRow::as_select())
                .for_update()
                .load(c)?,
            // The transaction holds SQLite's only write lock already.
            AnyConnection::Sqlite(c) => found
                .filter(pending::file_id.eq_any(ids))
                .select(PendingRow::as_select())
                .load(c)?,
        });
    }
    Ok(rows.into_iter().map(Pending::from).collect())
}

/// Notes that PUT URLs were handed out; each takes the place of an earlier one. No file twice.
pub(crate) fn pending_upsert_all_in_txn(
    conn: &mut AnyConnection,
    uploads: &[Pending],
) -> QueryResult<()> {
    let rows: Vec<NewPendingRow<'_>> = uploads.iter().map(NewPendingRow::of).collect();
    match conn {
        AnyConnection::Postgres(c) => {
            for rows in rows.chunks(IDS_AT_ONCE) {
                diesel::insert_into(pending::table)
                    .values(rows)
                    .on_conflict(pending::file_id)
                    .do_update()
                    .set((
                        pending::expires.eq(excluded(pending::expires)),
                        pending::region.eq(excluded(pending::region)),
                    ))
                    .execute(c)?;
            }
        }
        AnyConnection::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(pending::table)
                    .values(row)
                    .on_conflict(pending::file_id)
                    .do_update()
                    .set(row)
                    .execute(c)?;
            }
        }
    }
    Ok(())
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
