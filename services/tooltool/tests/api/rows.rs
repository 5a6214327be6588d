// SPDX-License-Identifier: MPL-2.0
//! A look into the database, for what no client can see.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use releng_db::{Db, on_backend};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

const OPEN: &str = "SELECT (SELECT count(*) FROM releng_tooltool_pending_upload p \
    JOIN releng_tooltool_files f ON f.id = p.file_id WHERE f.sha512 = $1) \
    + (SELECT count(*) FROM releng_jobs WHERE body LIKE '%' || $1) \
    + (SELECT count(*) FROM tooltool_leases WHERE name LIKE '%' || $1) AS count";

/// Returns whether nothing is left to be done for a file: no pending upload, no job, no lease.
pub(crate) async fn is_settled(database: &str, digest: &str) -> bool {
    let db = Db::connect(database, 1, Duration::from_secs(20)).unwrap();
    let digest = digest.to_owned();
    let count = db
        .read(move |conn| {
            let query = diesel::sql_query(OPEN).bind::<Text, _>(digest);
            let row: Count = on_backend!(conn, c => query.get_result(c))?;
            Ok(row.count)
        })
        .await;
    count.unwrap() == 0
}
