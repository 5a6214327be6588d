// SPDX-License-Identifier: MPL-2.0
//! The manifest: a JSON array of records, by convention the file `manifest.tt`.

mod texts;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    log::Log,
    record::{Parsed, Record},
    temporary,
};

/// What a manifest file may be long; real ones have a few kilobytes.
pub const SIZE_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// How many records a manifest may have; real ones have some dozens.
pub const RECORD_LIMIT: usize = 100_000;

/// What the text of one record may be long. A record in memory takes many times its text when it
/// is made for that, so the whole manifest is never there in that form.
pub const RECORD_LIMIT_BYTES: usize = 1024 * 1024;

/// A manifest in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Entry {
    Record(Record),
    // Kept as it came so that rewriting a manifest loses nothing.
    Incomplete(Incomplete),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Incomplete {
    #[serde(flatten)]
    members: Map<String, Value>,
    #[serde(skip)]
    warning: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The file is longer than [`SIZE_LIMIT_BYTES`].
    #[error("the file is longer than {SIZE_LIMIT_BYTES} bytes")]
    TooLong,
    /// The contents are not JSON.
    #[error("not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The JSON is not an array of records.
    #[error("{0}")]
    Rule(String),
}

impl Manifest {
    /// Reads a manifest file.
    ///
    /// # Errors
    /// The file is absent, unreadable, too long, not JSON, or a record breaks a rule.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(SIZE_LIMIT_BYTES.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SIZE_LIMIT_BYTES {
            return Err(Error::TooLong);
        }
        Self::parse(&bytes)
    }

    /// Reads a manifest out of its text.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let texts = texts::records(bytes)?;
        let mut entries = Vec::with_capacity(texts.len());
        for (position, text) in (1..).zip(texts) {
            entries.push(entry(position, text)?);
        }
        Ok(Self { entries })
    }

    /// Returns the records that are complete, in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Record(record) => Some(record),
            Entry::Incomplete(_) => None,
        })
    }

    /// Returns a sentence for each record that was skipped because members are missing.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Record(_) => None,
            Entry::Incomplete(incomplete) => Some(incomplete.warning.as_str()),
        })
    }

    /// Writes the warnings to a log.
    pub fn warn(&self, log: &Log) {
        for warning in self.warnings() {
            log.warning(warning);
        }
    }

    /// Returns the manifest with the given records in front of its own.
    #[must_use]
    pub fn with_first(self, records: Vec<Record>) -> Self {
        let mut entries: Vec<_> = records.into_iter().map(Entry::Record).collect();
        entries.extend(self.entries);
        Self { entries }
    }

    /// Returns the text of the manifest: two-space indentation, no line break at the end.
    ///
    /// # Errors
    /// None in practice; JSON writing is fallible by signature.
    pub fn to_json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string_pretty(&self.entries)?)
    }

    /// Replaces the file at `path`. A reader, or a crash, sees the old or the new one.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        // Through a symbolic link: the link stays, its target is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut file = temporary::file_in(&folder)?;
        if let Ok(metadata) = fs::metadata(&path) {
            file.as_file().set_permissions(metadata.permissions())?;
        }
        file.write_all(self.to_json()?.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        // The rename itself lasts once the folder is on disk; not every system can open one.
        if let Ok(folder) = File::open(&folder) {
            folder.sync_all().ok();
        }
        Ok(())
    }
}

fn entry(position: usize, text: &RawValue) -> Result<Entry, Error> {
    let text = text.get();
    if text.len() > RECORD_LIMIT_BYTES {
        return Err(Error::Rule(format!(
            "record {position} is longer than {RECORD_LIMIT_BYTES} bytes"
        )));
    }
    let value = serde_json::from_str(text)
        .map_err(|error| Error::Rule(format!("record {position} is not valid JSON: {error}")))?;
    let Value::Object(members) = value else {
        return Err(Error::Rule(format!("record {position} must be an object")));
    };
    let parsed = Record::from_json(&members)
        .map_err(|rule| Error::Rule(format!("record {position}: {rule}")))?;
    Ok(match parsed {
        Parsed::Record(record) => Entry::Record(record),
        Parsed::Incomplete(missing) => Entry::Incomplete(Incomplete {
            warning: format!(
                "record {position} is skipped, it has no {}",
                missing.join(", no ")
            ),
            members,
        }),
    })
}

#[cfg(test)]
mod tests;
