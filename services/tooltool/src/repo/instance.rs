// SPDX-License-Identifier: MPL-2.0
//! Queries on instances.

use std::collections::HashMap;

use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::schema::instances;

/// Ids that go into one query; SQLite bounds the number of parameters.
pub(super) const IDS_AT_ONCE: usize = 1000;

/// Returns the regions of files, sorted.
pub(super) fn instance_map(
    conn: &mut AnyConnection,
    ids: &[i32],
) -> QueryResult<HashMap<i32, Vec<String>>> {
    let mut map = HashMap::<i32, Vec<String>>::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let rows: Vec<(i32, String)> = instances::table
            .filter(instances::file_id.eq_any(ids))
            .order((instances::file_id, instances::region))
            .select((instances::file_id, instances::region))
            .load(conn)?;
        for (id, region) in rows {
            map.entry(id).or_default().push(region);
        }
    }
    Ok(map)
}

/// Notes a verified copy; one that is noted already is fine.
pub(crate) fn instance_insert_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
    region: &str,
) -> QueryResult<()> {
    let row = (instances::file_id.eq(file_id), instances::region.eq(region));
    on_backend!(conn, c => diesel::insert_into(instances::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))
    .map(|_| ())
}

/// Forgets the copy in one region.
pub(crate) fn instance_delete_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
    region: &str,
) -> QueryResult<()> {
    diesel::delete(instances::table.find((file_id, region)))
        .execute(conn)
        .map(|_| ())
}

/// Forgets all copies of a file.
pub(crate) fn instance_delete_all_in_txn(
    conn: &mut AnyConnection,
    file_id: i32,
) -> QueryResult<()> {
    diesel::delete(instances::table.filter(instances::file_id.eq(file_id)))
        .execute(conn)
        .map(|_| ())
}
