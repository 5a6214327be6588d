// SPDX-License-Identifier: MPL-2.0
//! Uploads and their files as they are recorded (tecken.md §14).

use chrono::NaiveDateTime;

/// An upload that begins.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Who.
    pub user_id: i32,
    /// Name of the archive.
    pub filename: String,
    /// Bytes of the archive.
    pub size: i64,
    /// Bucket or folder.
    pub bucket_name: String,
    /// Region of the bucket.
    pub bucket_region: Option<String>,
    /// Server of the bucket, when it is not Amazon.
    pub bucket_endpoint_url: Option<String>,
    /// Whether these are try symbols.
    pub try_symbols: bool,
    /// Hash of names and sizes.
    pub content_hash: String,
    /// Names in the archive that are left out.
    pub ignored_keys: Vec<String>,
}

/// A recorded upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Id.
    pub id: i32,
    /// Who, by id.
    pub user_id: i32,
    /// Who, by address.
    pub email: String,
    /// Name of the archive.
    pub filename: String,
    /// Bucket or folder.
    pub bucket_name: String,
    /// Region of the bucket.
    pub bucket_region: Option<String>,
    /// Server of the bucket.
    pub bucket_endpoint_url: Option<String>,
    /// Full keys that were there already.
    pub skipped_keys: Vec<String>,
    /// Names in the archive that were left out.
    pub ignored_keys: Vec<String>,
    /// When everything was stored.
    pub completed_at: Option<NaiveDateTime>,
    /// Bytes of the archive.
    pub size: i64,
    /// Hash of names and sizes; old records have none.
    pub content_hash: Option<String>,
    /// Where the archive came from, when it came by URL.
    pub download_url: Option<String>,
    /// What that address redirected to.
    pub redirect_urls: Vec<String>,
    /// Whether these are try symbols.
    pub try_symbols: bool,
    /// When it began.
    pub created_at: NaiveDateTime,
}

/// Code file and code id that a symbol file names (D-31).
pub type Code = (Option<String>, String);

/// A file that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Bucket or folder.
    pub bucket_name: String,
    /// Full key.
    pub key: String,
    /// An object stood there before.
    pub is_update: bool,
    /// It is stored compressed.
    pub is_compressed: bool,
    /// Bytes as stored.
    pub size: i64,
    /// Code file and id of its header.
    pub code: Option<Code>,
}

/// How many files an upload has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// All of them.
    pub all: i64,
    /// Those that are not stored.
    pub incomplete: i64,
}

/// An upload with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadDetails {
    /// The upload.
    pub upload: Upload,
    /// How many files it has.
    pub counts: FileCounts,
    /// Its first files.
    pub files: Vec<FileUpload>,
}

/// A recorded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpload {
    /// Id.
    pub id: i32,
    /// Bucket or folder.
    pub bucket_name: String,
    /// Full key.
    pub key: String,
    /// An object stood there before.
    pub is_update: bool,
    /// It is stored compressed.
    pub is_compressed: bool,
    /// Bytes as stored.
    pub size: i64,
    /// It came from the vendor's symbol server.
    pub microsoft_download: bool,
    /// When it was stored.
    pub completed_at: Option<NaiveDateTime>,
    /// When it began.
    pub created_at: NaiveDateTime,
}
