// SPDX-License-Identifier: MPL-2.0
//! The records. PostgreSQL has them as jsonb (D-4) and may have ids of 32 bits, so the text of each
//! query says what it means on either database.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use releng_db::AnyConnection;

/// A record on its way into the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewBuild<'a> {
    pub(crate) hash: &'a str,
    pub(crate) json: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) key: &'a str,
    pub(crate) etag: &'a str,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct Content {
    #[diesel(sql_type = Text)]
    build: String,
}

/// A row that has no document yet.
#[derive(Debug, QueryableByName)]
pub(crate) struct Unindexed {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) build: String,
}

/// Picks the text for the database at hand.
fn sql<'a>(conn: &AnyConnection, sqlite: &'a str, postgres: &'a str) -> &'a str {
    match conn {
        AnyConnection::Sqlite(_) => sqlite,
        AnyConnection::Postgres(_) => postgres,
    }
}

/// Both databases read and compare this form.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()
}

/// Stores a record unless its content is known; returns the id of a new row.
pub(crate) fn build_insert_in_txn(
    conn: &mut AnyConnection,
    build: NewBuild<'_>,
) -> QueryResult<Option<i64>> {
    let text = sql(
        conn,
        "INSERT INTO main_build \
         (build_hash, build, metadata, created_at, s3_object_key, s3_object_etag) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (build_hash) DO NOTHING RETURNING id",
        "INSERT INTO main_build \
         (build_hash, build, metadata, created_at, s3_object_key, s3_object_etag) \
         VALUES ($1, $2::jsonb, $3::jsonb, $4::timestamptz, $5, $6) \
         ON CONFLICT (build_hash) DO NOTHING RETURNING id::bigint AS id",
    );
    let row: Option<Id> = diesel::sql_query(text)
        .bind::<Text, _>(build.hash)
        .bind::<Text, _>(build.json)
        .bind::<Text, _>(build.metadata)
        .bind::<Text, _>(moment(build.created_at))
        .bind::<Text, _>(build.key)
        .bind::<Text, _>(build.etag)
        .get_result(conn)
        .optional()?;
    Ok(row.map(|row| row.id))
}

/// Returns a record as JSON text.
pub(crate) fn build_fetch(conn: &mut AnyConnection, id: i64) -> QueryResult<Option<String>> {
    let text = sql(
        conn,
        "SELECT build FROM main_build WHERE id = ?",
        "SELECT build::text AS build FROM main_build WHERE id = $1",
    );
    let row: Option<Content> = diesel::sql_query(text)
        .bind::<BigInt, _>(id)
        .get_result(conn)
        .optional()?;
    Ok(row.map(|row| row.build))
}

/// Returns the number of records.
pub(crate) fn build_count(conn: &mut AnyConnection) -> QueryResult<i64> {
    let row: Total =
        diesel::sql_query("SELECT count(*) AS total FROM main_build").get_result(conn)?;
    Ok(row.total)
}

/// Returns the number of records that are noted as indexed.
pub(crate) fn build_count_indexed(conn: &mut AnyConnection) -> QueryResult<i64> {
    let text = "SELECT count(*) AS total FROM main_build WHERE indexed_at IS NOT NULL";
    let row: Total = diesel::sql_query(text).get_result(conn)?;
    Ok(row.total)
}

/// Returns the oldest rows without a document.
pub(crate) fn build_list_unindexed(
    conn: &mut AnyConnection,
    limit: i64,
) -> QueryResult<Vec<Unindexed>> {
    let text = sql(
        conn,
        "SELECT id, build FROM main_build WHERE indexed_at IS NULL ORDER BY id LIMIT ?",
        "SELECT id::bigint AS id, build::text AS build FROM main_build \
         WHERE indexed_at IS NULL ORDER BY main_build.id LIMIT $1",
    );
    diesel::sql_query(text).bind::<BigInt, _>(limit).load(conn)
}

/// Notes that rows have a document.
pub(crate) fn build_mark_indexed_in_txn(
    conn: &mut AnyConnection,
    ids: &[i64],
    at: DateTime<Utc>,
) -> QueryResult<()> {
    // Numbers need no quoting, and a list has no form of placeholder that both databases take.
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let place = sql(conn, "?", "$1::timestamptz");
    let text = format!(
        "UPDATE main_build SET indexed_at = {place} WHERE id IN ({})",
        ids.join(", ")
    );
    diesel::sql_query(text)
        .bind::<Text, _>(moment(at))
        .execute(conn)
        .map(|_| ())
}

/// Notes that no row has a document.
pub(crate) fn build_unmark_all_in_txn(conn: &mut AnyConnection) -> QueryResult<()> {
    diesel::sql_query("UPDATE main_build SET indexed_at = NULL WHERE indexed_at IS NOT NULL")
        .execute(conn)
        .map(|_| ())
}
