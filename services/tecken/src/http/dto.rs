// SPDX-License-Identifier: MPL-2.0
//! The shapes of the wire. They do not move when a column does.

use chrono::NaiveDateTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain;

/// Returns a moment as the API writes it: milliseconds and `Z`.
pub(super) fn moment(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An upload as the answer to it (tecken.md §5.8).
#[derive(Serialize, ToSchema)]
pub(super) struct Created {
    /// Id.
    pub id: i32,
    /// Bytes of the archive.
    pub size: i64,
    /// Name of the archive.
    pub filename: String,
    /// Bucket or folder.
    pub bucket: String,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Where the archive came from.
    pub download_url: Option<String>,
    /// Whether these are try symbols.
    pub try_symbols: bool,
    /// What the address redirected to.
    pub redirect_urls: Vec<String>,
    /// When everything was stored.
    pub completed_at: Option<String>,
    /// When it began.
    pub created_at: String,
    /// Who.
    pub user: String,
    /// Full keys that were there already.
    pub skipped_keys: Vec<String>,
}

impl From<domain::Upload> for Created {
    fn from(upload: domain::Upload) -> Self {
        Self {
            id: upload.id,
            size: upload.size,
            filename: upload.filename,
            bucket: upload.bucket_name,
            region: upload.bucket_region,
            download_url: upload.download_url,
            try_symbols: upload.try_symbols,
            redirect_urls: upload.redirect_urls,
            completed_at: upload.completed_at.map(moment),
            created_at: moment(upload.created_at),
            user: upload.email,
            skipped_keys: upload.skipped_keys,
        }
    }
}

/// An upload as the API shows it (tecken.md §8.2).
#[derive(Serialize, ToSchema)]
pub(super) struct Upload {
    /// Id.
    pub id: i32,
    /// Who.
    pub user: UserRef,
    /// Name of the archive.
    pub filename: String,
    /// Bytes of the archive.
    pub size: i64,
    /// Bucket or folder.
    pub bucket_name: String,
    /// Region of the bucket.
    pub bucket_region: Option<String>,
    /// Server of the bucket.
    pub bucket_endpoint_url: Option<String>,
    /// Full keys that were there already.
    pub skipped_keys: Vec<String>,
    /// Names that were left out.
    pub ignored_keys: Vec<String>,
    /// Whether these are try symbols.
    pub try_symbols: bool,
    /// Where the archive came from.
    pub download_url: Option<String>,
    /// What the address redirected to.
    pub redirect_urls: Vec<String>,
    /// When everything was stored.
    pub completed_at: Option<String>,
    /// When it began.
    pub created_at: String,
    /// How many files it has.
    pub files_count: i64,
    /// How many of them are not stored.
    pub files_incomplete_count: i64,
    /// Its files.
    pub file_uploads: Vec<FileUpload>,
}

/// An upload with others of the same person and content.
#[derive(Serialize, ToSchema)]
pub(super) struct WithRelated {
    /// The upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// The others, newest first.
    pub related: Vec<Upload>,
}

/// Whose an upload is.
#[derive(Serialize, ToSchema)]
pub(super) struct UserRef {
    /// Id.
    pub id: i32,
    /// E-mail address.
    pub email: String,
}

/// A file of an upload.
#[derive(Serialize, ToSchema)]
pub(super) struct FileUpload {
    /// Id.
    pub id: i32,
    /// Bucket or folder.
    pub bucket_name: String,
    /// Full key.
    pub key: String,
    /// An object stood there before.
    pub update: bool,
    /// It is stored compressed.
    pub compressed: bool,
    /// Bytes as stored.
    pub size: i64,
    /// It came from the vendor's symbol server.
    pub microsoft_download: bool,
    /// When it was stored.
    pub completed_at: Option<String>,
    /// When it began.
    pub created_at: String,
}

impl WithRelated {
    pub(super) fn of(upload: domain::UploadDetails, related: Vec<domain::UploadDetails>) -> Self {
        Self {
            upload: upload.into(),
            related: related.into_iter().map(Upload::from).collect(),
        }
    }
}

impl From<domain::UploadDetails> for Upload {
    fn from(details: domain::UploadDetails) -> Self {
        let domain::UploadDetails {
            upload,
            counts,
            files,
        } = details;
        Self {
            id: upload.id,
            user: UserRef {
                id: upload.user_id,
                email: upload.email,
            },
            filename: upload.filename,
            size: upload.size,
            bucket_name: upload.bucket_name,
            bucket_region: upload.bucket_region,
            bucket_endpoint_url: upload.bucket_endpoint_url,
            skipped_keys: upload.skipped_keys,
            ignored_keys: upload.ignored_keys,
            try_symbols: upload.try_symbols,
            download_url: upload.download_url,
            redirect_urls: upload.redirect_urls,
            completed_at: upload.completed_at.map(moment),
            created_at: moment(upload.created_at),
            files_count: counts.all,
            files_incomplete_count: counts.incomplete,
            file_uploads: files.into_iter().map(FileUpload::from).collect(),
        }
    }
}

impl From<domain::FileUpload> for FileUpload {
    fn from(file: domain::FileUpload) -> Self {
        Self {
            id: file.id,
            bucket_name: file.bucket_name,
            key: file.key,
            update: file.is_update,
            compressed: file.is_compressed,
            size: file.size,
            microsoft_download: file.microsoft_download,
            completed_at: file.completed_at.map(moment),
            created_at: moment(file.created_at),
        }
    }
}
