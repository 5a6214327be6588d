// SPDX-License-Identifier: MPL-2.0
//! Queries on batches.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use releng_db::{AnyConnection, on_backend};

use super::file::with_instances;
use super::instance::IDS_AT_ONCE;
use super::rows::{BatchRow, FileRow, NewBatchFileRow};
use super::schema::{batch_files, batches, files};
use super::{Span, with_find};
use crate::domain::{Batch, BatchFile};

/// Stores a batch and returns its id.
pub(crate) fn batch_insert_in_txn(
    conn: &mut AnyConnection,
    uploaded: NaiveDateTime,
    author: &str,
    message: &str,
) -> QueryResult<i32> {
    diesel::insert_into(batches::table)
        .values((
            batches::uploaded.eq(uploaded),
            batches::author.eq(author),
            batches::message.eq(message),
        ))
        .returning(batches::id)
        .get_result(conn)
}

/// Puts files into a batch, each by its id and under a name.
pub(crate) fn batch_file_insert_all_in_txn(
    conn: &mut AnyConnection,
    batch_id: i32,
    entries: &[(i32, &str)],
) -> QueryResult<()> {
    let rows: Vec<NewBatchFileRow<'_>> = entries
        .iter()
        .map(|&(file_id, filename)| NewBatchFileRow {
            file_id,
            batch_id,
            filename,
        })
        .collect();
    for rows in rows.chunks(IDS_AT_ONCE) {
        on_backend!(conn, c => diesel::insert_into(batch_files::table).values(rows).execute(c))?;
    }
    Ok(())
}

const FETCH: &str =
    "SELECT id, uploaded, author, message FROM releng_tooltool_batches WHERE id = $1";

/// Returns a batch with its files.
pub(crate) fn batch_fetch(conn: &mut AnyConnection, id: i32) -> QueryResult<Option<Batch>> {
    let rows: Vec<BatchRow> = diesel::sql_query(FETCH).bind::<Integer, _>(id).load(conn)?;
    Ok(with_files(conn, rows)?.pop())
}

const SEARCH: &str = "SELECT id, uploaded, author, message FROM releng_tooltool_batches \
    WHERE FIND(author, $1) > 0 OR FIND(message, $1) > 0 ORDER BY id DESC LIMIT $2 OFFSET $3";

/// Returns the batches whose author or message contains a text, newest first.
pub(crate) fn batch_search(
    conn: &mut AnyConnection,
    text: &str,
    span: Span,
) -> QueryResult<Vec<Batch>> {
    let rows: Vec<BatchRow> = diesel::sql_query(with_find(conn, SEARCH))
        .bind::<Text, _>(text.to_owned())
        .bind::<BigInt, _>(span.limit)
        .bind::<BigInt, _>(span.offset)
        .load(conn)?;
    with_files(conn, rows)
}

/// A name under which a file stands in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Mention {
    /// The batch.
    pub batch_id: i32,
    /// When it was uploaded, in UTC.
    pub uploaded: NaiveDateTime,
    /// Its author.
    pub author: String,
    /// Its message.
    pub message: String,
    /// Name of the file in it.
    pub filename: String,
}

/// Returns the batches that name a file, newest first.
pub(crate) fn batch_mentions(
    conn: &mut AnyConnection,
    file_id: i32,
    span: Span,
) -> QueryResult<Vec<Mention>> {
    batch_files::table
        .inner_join(batches::table)
        .filter(batch_files::file_id.eq(file_id))
        .order((batches::id.desc(), batch_files::filename))
        .limit(span.limit)
        .offset(span.offset)
        .select((
            batches::id,
            batches::uploaded,
            batches::author,
            batches::message,
            batch_files::filename,
        ))
        .load(conn)
}

fn with_files(conn: &mut AnyConnection, rows: Vec<BatchRow>) -> QueryResult<Vec<Batch>> {
    let ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
    let mut by_batch = HashMap::<i32, Vec<BatchFile>>::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let entries: Vec<(i32, String, FileRow)> = batch_files::table
            .inner_join(files::table)
            .filter(batch_files::batch_id.eq_any(ids))
            .order((batch_files::batch_id, batch_files::filename))
            .select((
                batch_files::batch_id,
                batch_files::filename,
                FileRow::as_select(),
            ))
            .load(conn)?;
        let found = entries.iter().map(|(_, _, file)| file.clone()).collect();
        let found = with_instances(conn, found)?;
        for ((batch_id, filename, _), file) in entries.into_iter().zip(found) {
            by_batch
                .entry(batch_id)
                .or_default()
                .push(BatchFile { filename, file });
        }
    }
    let with = |row: BatchRow| Batch {
        files: by_batch.remove(&row.id).unwrap_or_default(),
        id: row.id,
        uploaded: row.uploaded,
        author: row.author,
        message: row.message,
    };
    Ok(rows.into_iter().map(with).collect())
}
