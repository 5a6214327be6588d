// SPDX-License-Identifier: MPL-2.0
//! The shapes of the wire (tooltool.md §2). They do not move when a column does.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use releng_common::auth::Caller;
use releng_common::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{self, Change, Filename, MAX_SIZE, NewBatch, NewFile, Permissions, Sha512};
use crate::ops;

/// The only algorithm.
const SHA512: &str = "sha512";

/// A file.
#[derive(Serialize, ToSchema)]
pub(super) struct File {
    /// Always `sha512`.
    pub algorithm: &'static str,
    /// Digest of the bytes.
    pub digest: String,
    /// Whether there is a verified copy.
    pub has_instances: bool,
    /// Regions with a verified copy; only where one file is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<Vec<String>>,
    /// Number of bytes.
    pub size: i64,
    /// `public` or `internal`.
    pub visibility: &'static str,
}

impl From<domain::File> for File {
    fn from(file: domain::File) -> Self {
        Self {
            algorithm: SHA512,
            has_instances: file.has_instances(),
            digest: file.digest.to_string(),
            instances: None,
            size: file.size,
            visibility: file.visibility.as_str(),
        }
    }
}

impl File {
    /// Returns the file with its regions.
    pub(super) fn with_instances(file: domain::File) -> Self {
        let instances = Some(file.instances.clone());
        Self {
            instances,
            ..Self::from(file)
        }
    }
}

/// A batch.
#[derive(Serialize, ToSchema)]
pub(super) struct Batch {
    /// Id.
    pub id: i32,
    /// When, in UTC with microseconds.
    pub uploaded: String,
    /// Client id of the uploader.
    pub author: String,
    /// What it is about.
    pub message: String,
    /// The files by name.
    pub files: BTreeMap<String, File>,
}

impl From<domain::Batch> for Batch {
    fn from(batch: domain::Batch) -> Self {
        let files = batch.files.into_iter().map(|f| (f.filename, f.file.into()));
        Self {
            id: batch.id,
            uploaded: timestamp(batch.uploaded),
            author: batch.author,
            message: batch.message,
            files: files.collect(),
        }
    }
}

/// RFC 3339 with microseconds.
fn timestamp(when: NaiveDateTime) -> String {
    when.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A batch that was accepted.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    /// Id.
    pub id: i32,
    /// Client id of the uploader.
    pub author: String,
    /// What it is about.
    pub message: String,
    /// The files by name.
    pub files: BTreeMap<String, AcceptedFile>,
}

/// A file of a batch that was accepted.
#[derive(Serialize, ToSchema)]
pub(super) struct AcceptedFile {
    /// Always `sha512`.
    pub algorithm: &'static str,
    /// Digest of the bytes.
    pub digest: String,
    /// Where to send the bytes; absent when they are there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put_url: Option<String>,
    /// Number of bytes.
    pub size: i64,
    /// `public` or `internal`.
    pub visibility: &'static str,
}

impl Accepted {
    /// Renders a batch; `url` makes addresses absolute.
    pub(super) fn new(
        batch: ops::Accepted,
        url: impl Fn(&releng_store::SignedUrl) -> String,
    ) -> Self {
        let dto = |entry: ops::AcceptedFile| {
            let file = AcceptedFile {
                algorithm: SHA512,
                digest: entry.file.digest.to_string(),
                put_url: entry.put_url.as_ref().map(&url),
                size: entry.file.size,
                visibility: entry.file.visibility.as_str(),
            };
            (entry.file.filename.as_str().to_owned(), file)
        };
        Self {
            id: batch.id,
            author: batch.author,
            message: batch.message,
            files: batch.files.into_iter().map(dto).collect(),
        }
    }
}

/// Body of `POST /upload`.
#[derive(Deserialize, ToSchema)]
pub(super) struct BatchBody {
    /// What it is about.
    pub message: String,
    /// The files by name.
    pub files: BTreeMap<String, FileBody>,
    /// Must be absent.
    #[schema(ignore)]
    #[serde(default, deserialize_with = "present")]
    pub author: bool,
}

/// A file in the body of `POST /upload`.
#[derive(Deserialize, ToSchema)]
pub(super) struct FileBody {
    /// Number of bytes.
    pub size: Value,
    /// Digest of the bytes.
    pub digest: String,
    /// Must be `sha512`.
    pub algorithm: String,
    /// `public` or `internal`.
    pub visibility: String,
}

/// Tells that a member is there, whatever its value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl BatchBody {
    /// Checks what needs no rights and no database, in the order of the contract (§2.5, 1 to 4).
    pub(super) fn checked(value: Value, max_files: usize) -> Result<Self> {
        let body: Self =
            serde_json::from_value(value).map_err(|e| Error::invalid(e.to_string()))?;
        for (name, file) in &body.files {
            Filename::parse(name)?;
            file.size(name)?;
        }
        if body.message.is_empty() {
            return Err(Error::invalid("message must be non-empty"));
        }
        if body.files.is_empty() {
            return Err(Error::invalid("a batch must include at least one file"));
        }
        if body.files.len() > max_files {
            let text = format!("a batch must include at most {max_files} files");
            return Err(Error::invalid(text));
        }
        if body.author {
            return Err(Error::invalid("Author must NOT be specified for upload."));
        }
        Ok(body)
    }

    /// Demands the right to every visibility and returns the client id (5).
    pub(super) fn author<'a>(
        &self,
        permissions: Permissions,
        caller: &'a Caller,
    ) -> Result<&'a str> {
        let mut author = "";
        for (name, file) in &self.files {
            author = permissions.require_upload(caller, file.visibility(name)?)?;
        }
        Ok(author)
    }

    /// Checks algorithms and digests (6, 7).
    pub(super) fn into_batch(self) -> Result<NewBatch> {
        let file = |(name, file): (String, FileBody)| {
            if file.algorithm != SHA512 {
                let text = "`sha512` is the only allowed digest algorithm";
                return Err(Error::invalid(text));
            }
            Ok(NewFile {
                digest: Sha512::parse(&file.digest)?,
                size: file.size(&name)?,
                visibility: file.visibility(&name)?,
                filename: Filename::parse(&name)?,
            })
        };
        let files = self.files.into_iter().map(file).collect::<Result<_>>()?;
        NewBatch::new(self.message, files)
    }
}

impl FileBody {
    fn size(&self, name: &str) -> Result<i64> {
        self.size.as_i64().filter(|n| *n >= 0).ok_or_else(|| {
            let bound = if self.size.is_u64() {
                format!("greater than the maximum of {MAX_SIZE}")
            } else {
                "less than the minimum of 0".to_owned()
            };
            Error::invalid(format!("{} is {bound} - 'files.{name}.size'", self.size))
        })
    }

    fn visibility(&self, name: &str) -> Result<domain::Visibility> {
        domain::Visibility::parse(&self.visibility).ok_or_else(|| {
            Error::invalid(format!("unknown visibility - 'files.{name}.visibility'"))
        })
    }
}

/// Reads the operations of a PATCH.
pub(super) fn changes(value: &Value) -> Result<Vec<Change>> {
    let text = |op: &Value, name: &str| op.get(name).map(|v| v.as_str().unwrap_or("").to_owned());
    let change =
        |op: &Value| Change::parse(text(op, "op").as_deref(), text(op, "visibility").as_deref());
    value.as_array().into_iter().flatten().map(change).collect()
}

/// One operation in the body of a PATCH.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
pub(super) struct Operation {
    /// `set_visibility` or `delete_instances`.
    op: String,
    /// For `set_visibility`: `public` or `internal`.
    visibility: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn moments_have_six_digits_even_when_they_are_zero() {
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
        assert_eq!(
            timestamp(at(1_569_933_005_123_456)),
            "2019-10-01T12:30:05.123456Z"
        );
        assert_eq!(
            timestamp(at(1_569_933_005_000_000)),
            "2019-10-01T12:30:05.000000Z"
        );
    }
}
