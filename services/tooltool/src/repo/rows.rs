// SPDX-License-Identifier: MPL-2.0
//! Rows as the tables hold them, and how they become domain values.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Timestamp};

use super::schema::{batch_files, files, pending, watches};
use crate::domain::{File, NewFile, Pending, Sha512, Visibility, Watch};

#[derive(Clone, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = files)]
pub(super) struct FileRow {
    #[diesel(sql_type = Integer)]
    pub id: i32,
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    #[diesel(sql_type = Text)]
    pub sha512: String,
    #[diesel(sql_type = Text)]
    pub visibility: String,
}

impl FileRow {
    pub(super) fn with(self, instances: Vec<String>) -> File {
        File {
            id: self.id,
            digest: Sha512::stored(self.sha512),
            size: self.size,
            // The table holds no other word; should it ever, hiding the file is the safe reading.
            visibility: Visibility::parse(&self.visibility).unwrap_or(Visibility::Internal),
            instances,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = files)]
pub(super) struct NewFileRow<'a> {
    pub size: i64,
    pub sha512: &'a str,
    pub visibility: &'a str,
}

impl<'a> NewFileRow<'a> {
    pub(super) fn of(file: &'a NewFile) -> Self {
        Self {
            size: file.size,
            sha512: file.digest.as_str(),
            visibility: file.visibility.as_str(),
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct BatchRow {
    #[diesel(sql_type = Integer)]
    pub id: i32,
    #[diesel(sql_type = Timestamp)]
    pub uploaded: NaiveDateTime,
    #[diesel(sql_type = Text)]
    pub author: String,
    #[diesel(sql_type = Text)]
    pub message: String,
}

#[derive(Insertable)]
#[diesel(table_name = batch_files)]
pub(super) struct NewBatchFileRow<'a> {
    pub file_id: i32,
    pub batch_id: i32,
    pub filename: &'a str,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = pending)]
pub(super) struct PendingRow {
    pub file_id: i32,
    pub expires: NaiveDateTime,
    pub region: String,
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = pending)]
pub(super) struct NewPendingRow<'a> {
    pub file_id: i32,
    pub expires: NaiveDateTime,
    pub region: &'a str,
}

impl<'a> NewPendingRow<'a> {
    pub(super) fn of(upload: &'a Pending) -> Self {
        Self {
            file_id: upload.file_id,
            expires: upload.expires,
            region: &upload.region,
        }
    }
}

impl From<PendingRow> for Pending {
    fn from(row: PendingRow) -> Self {
        Self {
            file_id: row.file_id,
            expires: row.expires,
            region: row.region,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = watches)]
pub(super) struct WatchRow {
    pub region: String,
    pub etag: String,
    pub since: NaiveDateTime,
    pub next_look: NaiveDateTime,
}

impl From<WatchRow> for Watch {
    fn from(row: WatchRow) -> Self {
        Self {
            region: row.region,
            etag: row.etag,
            since: row.since,
            next_look: row.next_look,
        }
    }
}
