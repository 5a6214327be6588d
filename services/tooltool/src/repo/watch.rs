// SPDX-License-Identifier: MPL-2.0
//! Queries on watches: verified objects that are looked at again.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::rows::WatchRow;
use super::schema::{files, watches};
use crate::domain::{Sha512, Watch};

/// Begins to watch the object of a file in a region, or begins anew.
pub(crate) fn watch_upsert_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
    watch: &Watch,
) -> QueryResult<()> {
    let rest = (
        watches::etag.eq(&watch.etag),
        watches::since.eq(watch.since),
        watches::next_look.eq(watch.next_look),
    );
    let key = (
        watches::file_id.eq(file_id),
        watches::region.eq(&watch.region),
    );
    on_backend!(conn, c => diesel::insert_into(watches::table)
        .values((key, rest))
        .on_conflict((watches::file_id, watches::region))
        .do_update()
        .set(rest)
        .execute(c))
    .map(|_| ())
}

/// Returns the watches of a file, by region.
pub(crate) fn watch_list(conn: &mut AnyConnection, file_id: i32) -> QueryResult<Vec<Watch>> {
    let rows: Vec<WatchRow> = watches::table
        .filter(watches::file_id.eq(file_id))
        .order(watches::region)
        .select(WatchRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Watch::from).collect())
}

/// Returns the files with an object that is to be looked at by `now`, from the one after `after` on.
pub(crate) fn watch_due(
    conn: &mut AnyConnection,
    now: NaiveDateTime,
    after: i32,
    limit: i64,
) -> QueryResult<Vec<(i32, Sha512)>> {
    let rows: Vec<(i32, String)> = watches::table
        .inner_join(files::table)
        .filter(watches::next_look.le(now))
        .filter(watches::file_id.gt(after))
        .order(watches::file_id)
        .limit(limit)
        .select((watches::file_id, files::sha512))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, digest)| (id, Sha512::stored(digest)))
        .collect())
}

/// Ends a watch.
pub(crate) fn watch_delete_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
    region: &str,
) -> QueryResult<()> {
    diesel::delete(watches::table.find((file_id, region)))
        .execute(conn)
        .map(|_| ())
}

/// Ends all watches of a file.
pub(crate) fn watch_delete_all_in_txn(conn: &mut AnyConnection, file_id: i32) -> QueryResult<()> {
    diesel::delete(watches::table.filter(watches::file_id.eq(file_id)))
        .execute(conn)
        .map(|_| ())
}
