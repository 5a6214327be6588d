// SPDX-License-Identifier: MPL-2.0
//! Rows of the table.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::releng_jobs;
use crate::DeadLetter;

/// A job to add.
#[derive(Insertable)]
#[diesel(table_name = releng_jobs)]
pub(super) struct New<'a> {
    pub queue: &'a str,
    pub body: &'a str,
    pub dedup_key: Option<&'a str>,
    pub visible_at: NaiveDateTime,
    pub created_at: NaiveDateTime,
}

/// A job that is visible.
#[derive(Queryable)]
pub(super) struct Due {
    pub id: i64,
    pub body: String,
    pub attempts: i32,
}

/// A dead letter.
#[derive(Queryable, Selectable)]
#[diesel(table_name = releng_jobs)]
pub(super) struct Dead {
    pub id: i64,
    pub body: String,
    pub dedup_key: Option<String>,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub created_at: NaiveDateTime,
    pub dead_at: Option<NaiveDateTime>,
}

impl From<Dead> for DeadLetter {
    fn from(row: Dead) -> Self {
        Self {
            id: row.id.to_string(),
            body: row.body,
            dedup_key: row.dedup_key,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            last_error: row.last_error.unwrap_or_default(),
            created_at: row.created_at.and_utc(),
            dead_at: row.dead_at.unwrap_or_default().and_utc(),
        }
    }
}
