// SPDX-License-Identifier: MPL-2.0
//! Rows as the tables hold them, and how they become domain values.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{auth_user, download_missingsymbol, upload_fileupload, upload_upload};
use crate::domain::{FileUpload, Inactive, MissingSymbol, Upload, User};

#[derive(Queryable, Selectable)]
#[diesel(table_name = auth_user)]
pub(super) struct UserRow {
    pub id: i32,
    pub email: String,
    pub is_superuser: bool,
    pub is_active: bool,
    pub inactive_reason: Option<String>,
    pub last_login: Option<NaiveDateTime>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let inactive = match (row.is_active, row.inactive_reason.as_deref()) {
            (true, _) => None,
            (false, Some("blocked")) => Some(Inactive::Blocked),
            (false, _) => Some(Inactive::Administrator),
        };
        Self {
            id: row.id,
            email: row.email,
            is_superuser: row.is_superuser,
            is_active: row.is_active,
            inactive,
            last_login: row.last_login,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = upload_upload)]
pub(super) struct UploadRow {
    id: i32,
    filename: String,
    bucket_name: String,
    bucket_region: Option<String>,
    bucket_endpoint_url: Option<String>,
    skipped_keys: Option<String>,
    ignored_keys: Option<String>,
    completed_at: Option<NaiveDateTime>,
    size: i64,
    content_hash: Option<String>,
    download_url: Option<String>,
    redirect_urls: Option<String>,
    try_symbols: bool,
    created_at: NaiveDateTime,
    user_id: i32,
}

impl UploadRow {
    pub(super) fn of(self, email: String) -> Upload {
        Upload {
            id: self.id,
            user_id: self.user_id,
            email,
            filename: self.filename,
            bucket_name: self.bucket_name,
            bucket_region: self.bucket_region,
            bucket_endpoint_url: self.bucket_endpoint_url,
            skipped_keys: keys_from(self.skipped_keys.as_deref()),
            ignored_keys: keys_from(self.ignored_keys.as_deref()),
            completed_at: self.completed_at,
            size: self.size,
            content_hash: self.content_hash,
            download_url: self.download_url,
            redirect_urls: keys_from(self.redirect_urls.as_deref()),
            try_symbols: self.try_symbols,
            created_at: self.created_at,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = upload_fileupload)]
pub(super) struct FileRow {
    id: i32,
    bucket_name: String,
    key: String,
    update: bool,
    compressed: bool,
    size: i64,
    microsoft_download: bool,
    completed_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

impl From<FileRow> for FileUpload {
    fn from(row: FileRow) -> Self {
        Self {
            id: row.id,
            bucket_name: row.bucket_name,
            key: row.key,
            is_update: row.update,
            is_compressed: row.compressed,
            size: row.size,
            microsoft_download: row.microsoft_download,
            completed_at: row.completed_at,
            created_at: row.created_at,
        }
    }
}

/// What processes tell each other of a file.
#[derive(Queryable, Selectable)]
#[diesel(table_name = upload_fileupload)]
pub(crate) struct ListedFile {
    pub id: i32,
    pub key: String,
    pub code_file: Option<String>,
    pub code_id: Option<String>,
    pub completed_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = download_missingsymbol)]
pub(super) struct MissingRow {
    id: i32,
    symbol: String,
    debugid: String,
    filename: String,
    code_file: Option<String>,
    code_id: Option<String>,
    count: i32,
    modified_at: NaiveDateTime,
}

impl From<MissingRow> for MissingSymbol {
    fn from(row: MissingRow) -> Self {
        Self {
            id: row.id,
            symbol: row.symbol,
            debug_id: row.debugid,
            filename: row.filename,
            code_file: row.code_file,
            code_id: row.code_id,
            count: row.count,
            modified_at: row.modified_at,
        }
    }
}

/// Lists stand in the tables as JSON, none as NULL.
pub(super) fn keys_to(keys: &[String]) -> Option<String> {
    (!keys.is_empty()).then(|| serde_json::Value::from(keys.to_vec()).to_string())
}

fn keys_from(text: Option<&str>) -> Vec<String> {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
