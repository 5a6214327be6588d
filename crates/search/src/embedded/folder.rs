// SPDX-License-Identifier: MPL-2.0
//! The folder of the index: one owner, a format version, and a fresh start when it cannot be read.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use releng_common::{Error, Result};
use tantivy::Index;
use tantivy::schema::Schema;

use super::tokenizer::{NAME, StandardTokenizer};

/// Changes with everything that makes an old folder unreadable or its content wrong.
const FORMAT: &str = "releng-search 2\n";
const FORMAT_FILE: &str = "format";
const LOCK_FILE: &str = "owner.lock";

/// An opened folder. Dropping it lets another process have it; so does any end of this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, creating it if it does not exist.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| {
            Error::invalid(format!(
                "the index folder {} cannot be used",
                path.display()
            ))
            .with_source(error)
        };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::create(path.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::unavailable(format!(
                "another process has the index folder {}",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Opens the index in it. Returns whether the documents must be fed again: the folder was new,
    /// of another format or broken, or the duty was never noted.
    pub fn index(&self, schema: &Schema) -> Result<(Index, bool)> {
        let is_current =
            fs::read_to_string(self.path.join(FORMAT_FILE)).is_ok_and(|text| text == FORMAT);
        if is_current {
            match self.existing(schema) {
                Ok(index) => return Ok((index, false)),
                Err(error) => tracing::warn!(
                    error = %error,
                    "the search index cannot be read and is built again: {error}"
                ),
            }
        }
        self.wipe()?;
        let index = Index::create_in_dir(&self.path, schema.clone())
            .map_err(|e| Error::internal("the search index cannot be created").with_source(e))?;
        register(&index);
        Ok((index, true))
    }

    fn existing(&self, schema: &Schema) -> tantivy::Result<Index> {
        let index = Index::open_in_dir(&self.path)?;
        register(&index);
        if index.schema() != *schema {
            return Err(tantivy::TantivyError::SchemaError(
                "another schema".to_owned(),
            ));
        }
        let damaged = index.validate_checksum()?;
        if let Some(path) = damaged.iter().next() {
            return Err(tantivy::TantivyError::SchemaError(format!(
                "{} is damaged",
                path.display()
            )));
        }
        // Opening the segments reads what the checksums do not cover.
        index.reader()?;
        Ok(index)
    }

    /// Removes everything but the lock. The format goes first, so that a crash in between leaves
    /// a folder that is wiped again.
    fn wipe(&self) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::internal("the index folder cannot be emptied").with_source(error)
        };
        match fs::remove_file(self.path.join(FORMAT_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            let path = entry.path();
            if is_folder {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            }
            .map_err(failed)?;
        }
        Ok(())
    }

    /// Notes durably that the folder is complete as far as its owner is concerned.
    pub fn confirm(&self) -> Result<()> {
        let write = || -> std::io::Result<()> {
            let temporary = self.path.join("format.new");
            let mut file = File::create(&temporary)?;
            file.write_all(FORMAT.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, self.path.join(FORMAT_FILE))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|e| Error::internal("the index format cannot be noted").with_source(e))
    }
}

fn register(index: &Index) {
    index.tokenizers().register(
        NAME,
        tantivy::tokenizer::TextAnalyzer::from(StandardTokenizer),
    );
}
