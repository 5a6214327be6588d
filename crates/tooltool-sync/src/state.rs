// SPDX-License-Identifier: MPL-2.0
//! The state directory: what was published when, and what this program must not forget.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{folder::Folder, log::Log};

/// The directory of what is nobody's business but this program's.
const OWN: &str = "tooltool-sync.d";
const LOCK: &str = "lock";
const ENDING: &str = ".json";
/// Only damage makes a file of ours that long.
const LIMIT_BYTES: u64 = 1024 * 1024 * 1024;
/// What may be read by others: it is what uploaders sent.
const OPEN: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The state directory cannot be used. Nothing may be done then: it could not be remembered.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct StateError {
    path: PathBuf,
    source: io::Error,
}

/// The open state directory.
#[derive(Debug)]
pub struct State {
    /// `<digest>.MANIFESTS` and copies of manifests and notes.
    pub root: Folder,
    /// Packages that are being published.
    pub journal: Shelf,
    /// Packages that could not be published.
    pub failed: Shelf,
    /// Mails that have not left.
    pub mail: Shelf,
    /// Mails that nobody takes.
    pub undeliverable: Shelf,
    /// Files on their way to a service.
    pub staging: Folder,
    /// The directory of the above.
    own: Folder,
}

/// A directory of JSON files, each replaced as a whole.
#[derive(Debug)]
pub struct Shelf(Folder);

impl State {
    /// Opens the state directory; what is missing is created.
    ///
    /// # Errors
    /// It can be neither opened nor created.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let root = Folder::open(path).map_err(failed)?;
        let own = root.child_created(OWN).map_err(failed)?;
        let shelf = |name| own.child_created(name).map(Shelf).map_err(failed);
        Ok(Self {
            journal: shelf("journal")?,
            failed: shelf("failed")?,
            mail: shelf("mail")?,
            undeliverable: shelf("undeliverable")?,
            staging: own.child_created("staging").map_err(failed)?,
            root,
            own,
        })
    }

    /// Opens the file that two runs exclude each other with.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn lock_file(&self) -> Result<fs::File, StateError> {
        let path = self.own.path().join(LOCK);
        let opened = fs::OpenOptions::new().append(true).create(true).open(&path);
        opened.map_err(|source| StateError { path, source })
    }

    /// Tells whether the state directory has a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has(&self, name: &str) -> Result<bool, StateError> {
        let seen = self.root.look(name);
        Ok(seen.map_err(|source| self.failed(name, source))?.is_some())
    }

    /// Keeps a copy of something an uploader sent.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let kept = self.root.replace(name, bytes, OPEN);
        kept.map_err(|source| self.failed(name, source))
    }

    /// Adds a line to a file unless it is there.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn add_line(&self, name: &str, line: &str) -> Result<(), StateError> {
        let mut bytes = match self.root.read(name, LIMIT_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.failed(name, error)),
        };
        if bytes
            .split(|b| *b == b'\n')
            .any(|known| known == line.as_bytes())
        {
            return Ok(());
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.keep(name, &bytes)
    }

    fn failed(&self, name: &str, source: io::Error) -> StateError {
        StateError {
            path: self.root.path().join(name),
            source,
        }
    }
}

impl Shelf {
    /// Writes a value; when this returns, it is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, key: &str, value: &impl Serialize) -> Result<(), StateError> {
        let name = format!("{key}{ENDING}");
        let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
        let put = text.and_then(|bytes| self.0.replace(&name, &bytes, PRIVATE));
        put.map_err(|source| self.failed(&name, source))
    }

    /// Removes a value; an absent one is fine.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn take(&self, key: &str) -> Result<(), StateError> {
        let name = format!("{key}{ENDING}");
        let taken = self
            .0
            .remove(&name)
            .and_then(|existed| if existed { self.0.sync() } else { Ok(()) });
        taken.map_err(|source| self.failed(&name, source))
    }

    /// Reads a value; `None` if there is none, or none that makes sense.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn get<T: DeserializeOwned>(&self, key: &str, log: &Log) -> Result<Option<T>, StateError> {
        let name = format!("{key}{ENDING}");
        let bytes = match self.0.read(&name, LIMIT_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&name, error)),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                let path = self.0.path().join(name);
                log.error(format_args!("{} makes no sense: {error}", path.display()));
                Ok(None)
            }
        }
    }

    /// Returns the sorted keys of all values.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn keys(&self) -> Result<Vec<String>, StateError> {
        let names = self.0.names(usize::MAX);
        let names = names.map_err(|source| self.failed("", source))?;
        let names = names.unwrap_or_default().into_iter();
        Ok(names
            .filter_map(|name| Some(name.to_str()?.strip_suffix(ENDING)?.to_owned()))
            .collect())
    }

    fn failed(&self, name: &str, source: io::Error) -> StateError {
        StateError {
            path: self.0.path().join(name),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Clock;

    #[test]
    fn a_line_is_added_once_and_to_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("a/b")).unwrap();
        let path = folder.path().join("a/b/x.MANIFESTS");
        state.add_line("x.MANIFESTS", "one").unwrap();
        state.add_line("x.MANIFESTS", "one").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        fs::write(&path, "by hand").unwrap();
        state.add_line("x.MANIFESTS", "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "by hand\ntwo\n");
    }

    #[test]
    fn a_shelf_gives_back_what_makes_sense() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let log = Log::stderr(Clock::system());
        state.mail.put("a", &vec![1, 2]).unwrap();
        fs::write(folder.path().join("tooltool-sync.d/mail/b.json"), "{").unwrap();
        assert_eq!(state.mail.keys().unwrap(), ["a", "b"]);
        assert_eq!(state.mail.get("a", &log).unwrap(), Some(vec![1, 2]));
        assert_eq!(state.mail.get::<Vec<u8>>("b", &log).unwrap(), None);
        state.mail.take("a").unwrap();
        state.mail.take("a").unwrap();
        assert_eq!(state.mail.keys().unwrap(), ["b"]);
    }
}
