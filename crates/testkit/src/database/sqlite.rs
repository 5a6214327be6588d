// SPDX-License-Identifier: MPL-2.0
//! SQLite databases of tests: files in folders of their own, copied from a pattern in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tempfile::TempDir;

use super::{Make, make_apart};
use crate::temp;

const FILE_NAME: &str = "test.db";
/// The index of the log is rebuilt by whoever opens a database; copying it would freeze locks.
const LOG_INDEX: &str = "test.db-shm";

/// A database file and its folder.
#[derive(Debug)]
pub(super) struct File {
    url: String,
    _folder: TempDir,
}

impl File {
    /// Returns the address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// Name and content of the files of a migrated database.
type Pattern = Vec<(String, Vec<u8>)>;

static PATTERNS: Mutex<Option<HashMap<String, Arc<Pattern>>>> = Mutex::new(None);

/// Makes a database after the pattern `key`, which `make` fills when this process needs it first.
pub(super) fn create(key: &str, make: &Make<'_>) -> anyhow::Result<File> {
    let pattern = pattern(key, make)?;
    let folder = temp::dir();
    for (name, content) in pattern.iter() {
        std::fs::write(folder.path().join(name), content)?;
    }
    Ok(File {
        url: url(folder.path())?,
        _folder: folder,
    })
}

fn pattern(key: &str, make: &Make<'_>) -> anyhow::Result<Arc<Pattern>> {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    let patterns = patterns.get_or_insert_default();
    if let Some(pattern) = patterns.get(key) {
        return Ok(Arc::clone(pattern));
    }
    let folder = temp::dir();
    make_apart(make, &url(folder.path())?)?;
    let mut pattern = Pattern::new();
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != LOG_INDEX {
            pattern.push((name, std::fs::read(entry.path())?));
        }
    }
    let pattern = Arc::new(pattern);
    patterns.insert(key.to_owned(), Arc::clone(&pattern));
    Ok(pattern)
}

fn url(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join(FILE_NAME);
    let path = path
        .to_str()
        .context("the temporary folder has a name outside UTF-8")?;
    Ok(format!("sqlite://{path}"))
}
