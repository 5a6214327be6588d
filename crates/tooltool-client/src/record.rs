// SPDX-License-Identifier: MPL-2.0
//! One record of a manifest: a file's name, size and digest, and what to do with it.

use std::{
    fs::File,
    io,
    num::NonZero,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::digest::Sha512;

/// The members without which a record says nothing.
const REQUIRED: [&str; 4] = ["filename", "size", "algorithm", "digest"];

/// A record. The order of the fields is the order in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Name of the file, without any folder.
    pub filename: String,
    /// Length in bytes; `None` (written `null`) is not checked.
    pub size: Option<u64>,
    /// Name of the digest algorithm; only `sha512` can be checked.
    pub algorithm: String,
    /// The digest as written; [`Record::expected`] parses it.
    pub digest: String,
    /// Whether `fetch` unpacks the file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unpack: bool,
    /// A free note about the version of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `public` or `internal`; only `upload` needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Legacy: a program inside the unpacked folder, to run after unpacking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup: Option<String>,
}

/// What a file must be to be the one of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Length in bytes, when the record names it.
    pub size: Option<u64>,
    /// The digest.
    pub digest: Sha512,
}

/// How a file on disk relates to its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Nothing has that name.
    Absent,
    /// Something has that name but is not the file of the record; the text says why.
    Invalid(String),
    /// The file of the record.
    Valid,
}

/// What [`Record::from_json`] made of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A record.
    Record(Record),
    /// An object without the named required members.
    Incomplete(Vec<&'static str>),
}

impl Record {
    /// Reads a record out of a JSON object; unknown members are ignored.
    ///
    /// # Errors
    /// A sentence naming the member that breaks its rule, and the rule.
    pub fn from_json(object: &Map<String, Value>) -> Result<Parsed, String> {
        let missing: Vec<_> = REQUIRED
            .into_iter()
            .filter(|name| !object.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            return Ok(Parsed::Incomplete(missing));
        }
        let filename = text(object, "filename")?.ok_or("filename must be a string")?;
        check_filename(&filename)?;
        Ok(Parsed::Record(Self {
            filename,
            size: size(object.get("size"))?,
            algorithm: text(object, "algorithm")?.ok_or("algorithm must be a string")?,
            digest: text(object, "digest")?.ok_or("digest must be a string")?,
            unpack: flag(object.get("unpack"))?,
            version: text(object, "version")?,
            visibility: text(object, "visibility")?,
            setup: text(object, "setup")?,
        }))
    }

    /// Hashes a file and returns a record for it.
    ///
    /// # Errors
    /// The file cannot be read, or its name cannot stand in a manifest.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let filename = Self::filename_of(path)?;
        let (digest, size_bytes) = Sha512::of_reader(&mut File::open(path)?)?;
        Ok(Self {
            filename,
            size: Some(size_bytes),
            algorithm: "sha512".to_owned(),
            digest: digest.to_string(),
            unpack: false,
            version: None,
            visibility: None,
            setup: None,
        })
    }

    /// Returns the name that a record of the file has: the last part of its path.
    ///
    /// # Errors
    /// The name cannot stand in a manifest.
    pub fn filename_of(path: &Path) -> io::Result<String> {
        let filename = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| io::Error::other("the file name is not text"))?;
        check_filename(filename).map_err(io::Error::other)?;
        Ok(filename.to_owned())
    }

    /// Returns what the file must be.
    ///
    /// # Errors
    /// A sentence when algorithm or digest cannot be checked.
    pub fn expected(&self) -> Result<Expected, String> {
        if self.algorithm != "sha512" {
            return Err(format!(
                "algorithm '{}' is not supported, only sha512",
                self.algorithm
            ));
        }
        let digest = Sha512::parse(&self.digest)
            .map_err(|error| format!("digest '{}' is invalid: {error}", self.digest))?;
        Ok(Expected {
            size: self.size,
            digest,
        })
    }

    /// Compares the file of this name in `folder` with the record.
    pub fn state_in(&self, folder: &Path) -> FileState {
        let path = folder.join(&self.filename);
        // A dangling link is something in the way, hence "present".
        if path
            .symlink_metadata()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return FileState::Absent;
        }
        match self.expected().and_then(|expected| expected.check(&path)) {
            Ok(()) => FileState::Valid,
            Err(reason) => FileState::Invalid(reason),
        }
    }

    /// Tells whether two records describe the same bytes.
    pub fn same_contents(&self, other: &Self) -> bool {
        (self.size, &self.algorithm, &self.digest) == (other.size, &other.algorithm, &other.digest)
    }
}

impl Expected {
    /// Compares a file with the expectation; the digest is computed only if the size is right.
    ///
    /// # Errors
    /// A sentence saying in what the file differs, or why it cannot be read.
    pub fn check(&self, path: &Path) -> Result<(), String> {
        let unreadable = |error: io::Error| format!("cannot read the file: {error}");
        let metadata = path.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err("not a plain file".to_owned());
        }
        if let Some(size) = self.size
            && size != metadata.len()
        {
            return Err(format!("size is {} instead of {size}", metadata.len()));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let (digest, _) = Sha512::of_reader(&mut file).map_err(unreadable)?;
        if digest == self.digest {
            Ok(())
        } else {
            Err(format!("digest is {digest} instead of {}", self.digest))
        }
    }
}

/// Compares all files with their records, on all processors: hashing is the whole cost. The states
/// come in the order of the records.
pub fn states_in(folder: &Path, records: &[&Record]) -> Vec<FileState> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(records.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(record) = records.get(at) else {
                return done;
            };
            done.push((at, record.state_in(folder)));
        }
    };
    let mut states = thread::scope(|scope| {
        let helpers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut states = work();
        for helper in helpers {
            match helper.join() {
                Ok(done) => states.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        states
    });
    states.sort_by_key(|(at, _)| *at);
    states.into_iter().map(|(_, state)| state).collect()
}

/// Names are joined to the working folder, so they must not be able to leave it.
fn check_filename(filename: &str) -> Result<(), String> {
    let rule = if filename.is_empty() || filename == "." || filename == ".." {
        "must name a file"
    } else if filename.contains(['/', '\\']) {
        "must not contain / or \\"
    } else if filename.chars().any(char::is_control) {
        "must not contain control characters"
    } else if cfg!(windows) && filename.contains(':') {
        // "C:x" is a file on another drive.
        "must not contain :"
    } else {
        return Ok(());
    };
    Err(format!("filename '{filename}' {rule}"))
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} must be a string")),
    }
}

fn size(value: Option<&Value>) -> Result<Option<u64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(size) => Ok(Some(size)),
            None => Err(format!(
                "size must be a whole number of bytes or null, not {value}"
            )),
        },
    }
}

fn flag(value: Option<&Value>) -> Result<bool, String> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err("unpack must be true or false".to_owned()),
    }
}
