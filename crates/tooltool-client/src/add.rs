// SPDX-License-Identifier: MPL-2.0
//! Adding files to a manifest.

use std::path::{Path, PathBuf};

use crate::{
    log::Log,
    manifest::{Error, Manifest},
    record::Record,
};

/// What new records say beyond name, size and digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Who may download the file.
    pub visibility: Option<String>,
    /// A note about the version of the contents.
    pub version: Option<String>,
    /// Whether `fetch` unpacks the file.
    pub unpack: bool,
}

/// Hashes the files and puts them in front of the manifest's records; a missing manifest is
/// created. Returns whether all files are new to the manifest; the others are logged and left out.
///
/// # Errors
/// The manifest cannot be read or written.
pub fn add(path: &Path, files: &[PathBuf], notes: &Notes, log: &Log) -> Result<bool, Error> {
    let manifest = match Manifest::load(path) {
        Err(Error::Read(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            log.debug("creating a new manifest file");
            Manifest::default()
        }
        loaded => loaded?,
    };
    manifest.warn(log);
    let mut added: Vec<Record> = Vec::new();
    for file in files {
        let Some(record) = record_of(file, notes, log) else {
            continue;
        };
        let known = manifest
            .records()
            .chain(&added)
            .find(|known| known.filename == record.filename)
            .map(|known| known.same_contents(&record));
        match known {
            Some(true) => log.info("file already in old_manifest"),
            Some(false) => log.error(format_args!(
                "manifest already contains a different file named {}",
                record.filename
            )),
            None => added.push(record),
        }
    }
    let all_added = added.len() == files.len();
    if !added.is_empty() {
        manifest.with_first(added).save(path)?;
    }
    Ok(all_added)
}

fn record_of(file: &Path, notes: &Notes, log: &Log) -> Option<Record> {
    match Record::of_file(file) {
        Ok(record) => Some(Record {
            visibility: notes.visibility.clone(),
            version: notes.version.clone(),
            unpack: notes.unpack,
            ..record
        }),
        Err(error) => {
            log.error(format_args!("cannot add '{}': {error}", file.display()));
            None
        }
    }
}
