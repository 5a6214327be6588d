// SPDX-License-Identifier: MPL-2.0
//! Reading one record file.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use crate::Intake;
use crate::domain::{Build, Record};
use crate::repo::FileRow;

/// A file that is there, with the name that it is remembered by.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) key: String,
}

/// A file that was read: what to remember of it and what to store.
#[derive(Clone, Debug)]
pub(super) struct ReadFile {
    pub(super) row: FileRow,
    pub(super) etag: String,
    pub(super) builds: Vec<Build>,
}

/// Returns what a look at the file says now; `None` when it is gone or no file.
pub(super) fn stamp(candidate: &Candidate) -> Option<FileRow> {
    std::fs::metadata(&candidate.path)
        .ok()
        .and_then(|found| row(candidate, &found))
}

fn row(candidate: &Candidate, found: &std::fs::Metadata) -> Option<FileRow> {
    found.is_file().then(|| FileRow {
        path: candidate.key.clone(),
        size_bytes: i64::try_from(found.size()).unwrap_or(i64::MAX),
        modified_ns: found
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(found.mtime_nsec()),
        inode: i64::from_ne_bytes(found.ino().to_ne_bytes()),
        problem: None,
    })
}

/// Reads and checks a file; `None` when it is gone. What is remembered is how the file was *before*
/// it was read: bytes that are written meanwhile make it look changed, and it is read again.
///
/// # Errors
/// The file is there and cannot be read, or is no file: opening a pipe would wait for its other end.
pub(super) fn read(intake: &Intake, candidate: &Candidate) -> std::io::Result<Option<ReadFile>> {
    let open = || {
        let found = std::fs::metadata(&candidate.path)?;
        if !found.is_file() {
            return Err(std::io::Error::other("is not a file"));
        }
        File::open(&candidate.path)
    };
    let file = match open() {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(row) = row(candidate, &file.metadata()?) else {
        return Ok(None);
    };
    let limit = intake.settings.own.max_record_bytes.0;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let record = if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        Err(format!("is larger than {limit} bytes (MAX_RECORD_BYTES)"))
    } else {
        Record::parse(&bytes, &intake.schema)
    };
    let (builds, problem) = match record {
        Ok(record) => (record.builds(intake.settings.own.beta_copy), None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let etag = hex::encode(Md5::digest(&bytes));
    Ok(Some(ReadFile {
        row: FileRow { problem, ..row },
        etag,
        builds,
    }))
}

/// Returns the name of a file below a folder, with slashes as object keys have them.
pub(super) fn key_below(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\0', "\u{fffd}")
}
