// SPDX-License-Identifier: MPL-2.0
//! Rows as the tables hold them, and how they become domain values.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Timestamp};

use super::schema::{files, pending};
use crate::domain::{File, Pending, Sha512, Visibility};

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = pending)]
pub(super) struct PendingRow {
    pub file_id: i32,
    pub expires: NaiveDateTime,
    pub region: String,
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
