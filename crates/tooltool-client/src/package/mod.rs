// SPDX-License-Identifier: MPL-2.0
//! Packages for drop folders, the way of uploading before there was a service: a folder with files
//! named by their digest, a manifest and a note, which a processor on the other side publishes.

mod destination;
mod send;

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

pub use self::{
    destination::{Destination, InvalidDestination},
    send::{SendError, send},
};
use crate::{
    add::Notes,
    digest::Hasher,
    log::Log,
    manifest::{self, Manifest},
    record::Record,
    temporary,
};

/// What the name of a package folder ends in.
pub const SUFFIX: &str = ".TOOLTOOL-PACKAGE";

const CHUNK_BYTES: usize = 128 * 1024;
/// How many packages of one folder may lie side by side.
const NAMES: u32 = 10_000;

/// A package on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    folder: PathBuf,
    base: String,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// The folder breaks a rule.
    #[error("{}: {rule}", path.display())]
    Rule {
        /// Which one.
        path: PathBuf,
        /// The rule.
        rule: String,
    },
    /// The manifest of the package cannot be used.
    #[error("failed to load manifest file at '{}': {cause}", path.display())]
    Manifest {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        cause: manifest::Error,
    },
}

impl Package {
    /// Packs the plain files directly in `folder`; the package appears beside it.
    ///
    /// # Errors
    /// There is nothing to pack, a file has a name that cannot stand in a manifest, or the disk
    /// cannot be read or written. Nothing is left then.
    pub fn make(folder: &Path, message: &str, notes: &Notes, log: &Log) -> Result<Self, Error> {
        let source = folder.canonicalize().map_err(io_error(folder))?;
        let files = plain_files(&source)?;
        let (Some(parent), Some(base)) = (source.parent(), source.file_name()) else {
            return Err(rule(folder, "a package needs a folder above this one"));
        };
        let base = base
            .to_str()
            .ok_or_else(|| rule(folder, "the name of the folder is not text"))?;
        let package = Self::claim(parent, base)?;
        let filled = package.fill(&files, message, notes);
        if filled.is_err() {
            fs::remove_dir_all(&package.folder).ok();
        }
        filled?;
        log.info(format_args!(
            "packed {} files into {}",
            files.len(),
            package.folder.display()
        ));
        Ok(package)
    }

    /// Opens a package that was made before.
    ///
    /// # Errors
    /// It is none, or it is not complete.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(io_error(folder))?;
        let base = folder.file_name().and_then(OsStr::to_str);
        let base = base.and_then(|name| name.strip_suffix(SUFFIX));
        let base = base.filter(|base| !base.is_empty()).map(str::to_owned);
        let base = base.ok_or_else(|| {
            rule(
                &folder,
                format!("the name of a package must end in {SUFFIX}"),
            )
        })?;
        let package = Self { folder, base };
        let path = package.manifest();
        let manifest = Manifest::load(&path).map_err(|cause| Error::Manifest { path, cause })?;
        for record in manifest.records() {
            let wrong = |reason| rule(&package.folder, format!("'{}': {reason}", record.filename));
            let expected = record.expected().map_err(wrong)?;
            let file = package.folder.join(expected.digest.to_string());
            expected.check(&file).map_err(wrong)?;
        }
        Ok(package)
    }

    /// Returns the folder of the package.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the manifest; it has the name of the package, by which the processor finds both.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.tt", self.base))
    }

    /// Returns the note.
    pub fn note(&self) -> PathBuf {
        self.folder.join(format!("{}.txt", self.base))
    }

    /// Makes the folder of a new package: under the first name that is free, also when several are
    /// made at once.
    fn claim(parent: &Path, base: &str) -> Result<Self, Error> {
        for number in 0..NAMES {
            let number = match number {
                0 => String::new(),
                number => number.to_string(),
            };
            let base = format!("{base}{number}");
            let folder = parent.join(format!("{base}{SUFFIX}"));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self { folder, base }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => {
                    return Err(Error::Io {
                        path: folder,
                        cause,
                    });
                }
            }
        }
        Err(rule(
            parent,
            format!("there are {NAMES} packages of {base}"),
        ))
    }

    /// The manifest comes last: a package without one was interrupted.
    fn fill(&self, files: &[PathBuf], message: &str, notes: &Notes) -> Result<(), Error> {
        let mut records = Vec::new();
        for file in files {
            records.push(self.pack(file, notes)?);
        }
        let note = self.note();
        fs::write(&note, message).map_err(io_error(&note))?;
        let path = self.manifest();
        Manifest::default()
            .with_first(records)
            .save(&path)
            .map_err(|cause| Error::Manifest { path, cause })
    }

    /// Copies a file under its digest. It is read once: the record says what was copied, even if
    /// the file changes meanwhile.
    fn pack(&self, file: &Path, notes: &Notes) -> Result<Record, Error> {
        let filename = Record::filename_of(file).map_err(io_error(file))?;
        let mut source = File::open(file).map_err(io_error(file))?;
        let mut copy = temporary::file_in(&self.folder).map_err(io_error(&self.folder))?;
        let mut hasher = Hasher::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let bytes = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => chunk.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io_error(file)(error)),
            };
            hasher.update(bytes);
            copy.write_all(bytes).map_err(io_error(copy.path()))?;
        }
        let (digest, size_bytes) = hasher.finish();
        let target = self.folder.join(digest.to_string());
        copy.persist(&target)
            .map_err(|error| io_error(&target)(error.error))?;
        Ok(Record {
            filename,
            size: Some(size_bytes),
            algorithm: "sha512".to_owned(),
            digest: digest.to_string(),
            unpack: notes.unpack,
            version: notes.version.clone(),
            visibility: notes.visibility.clone(),
            setup: None,
        })
    }
}

/// Links to files count as files; folders are left out.
fn plain_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let path = entry.map_err(io_error(folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(rule(folder, "there is no file to package"));
    }
    Ok(files)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::Io { path, cause }
}

fn rule(path: &Path, rule: impl Into<String>) -> Error {
    Error::Rule {
        path: path.to_owned(),
        rule: rule.into(),
    }
}

#[cfg(test)]
mod tests;
