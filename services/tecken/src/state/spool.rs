// SPDX-License-Identifier: MPL-2.0
//! Files on their way through the service. Each process has a folder of its own below a common one,
//! with a locked file beside it; the folder of a process that died is removed by the next one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use releng_common::{Error, Result};
use tempfile::{NamedTempFile, TempPath};
use uuid::Uuid;

/// The folder of this process.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

/// A file that vanishes with its value.
#[derive(Debug)]
pub struct SpoolFile(TempPath);

impl SpoolFile {
    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Spool {
    /// Removes what dead processes left and makes a folder for this one.
    pub(super) fn open(root: &Path) -> Result<Self> {
        Self::create(root).map_err(|e| {
            let path = root.display();
            Error::invalid(format!(
                "UPLOAD_TEMPDIR_PREFIX: the folder {path} cannot be used"
            ))
            .with_source(e)
        })
    }

    fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        sweep(root)?;
        let name = Uuid::new_v4().simple().to_string();
        let lock_path = root.join(format!("{name}.lock"));
        // Locked under another name first: nobody ever sees an unlocked lock file of a living process.
        let hidden = root.join(format!(".{name}"));
        let lock = File::create(&hidden)?;
        lock.lock()?;
        fs::rename(&hidden, &lock_path)?;
        let folder = root.join(name);
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            lock_path,
            _lock: lock,
        })
    }

    /// Makes an empty file, open for reading and writing.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn file(&self) -> Result<(File, SpoolFile)> {
        let made = NamedTempFile::new_in(&self.folder)
            .map_err(|e| Error::internal("no file for an upload").with_source(e))?;
        let (file, path) = made.into_parts();
        Ok((file, SpoolFile(path)))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What stays is removed by the next process.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Removes the folders whose lock nobody holds.
fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "lock") {
            let Ok(lock) = File::open(&path) else {
                continue;
            };
            if lock.try_lock().is_ok() {
                let _ = fs::remove_dir_all(path.with_extension(""));
                let _ = fs::remove_file(&path);
            }
        } else if path.is_dir() && !path.with_extension("lock").exists() {
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_keeps_its_files_and_a_dead_one_does_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("dead")).unwrap();
        fs::write(root.path().join("dead.lock"), "").unwrap();
        fs::write(root.path().join("dead/archive"), "x").unwrap();
        fs::create_dir(root.path().join("older")).unwrap();
        let living = Spool::open(root.path()).unwrap();
        let (_, file) = living.file().unwrap();
        let other = Spool::open(root.path()).unwrap();
        assert!(file.path().exists());
        assert!(!root.path().join("dead").exists() && !root.path().join("older").exists());
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
        drop((living, other));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
