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

    /// Gives the file its name for good, in place of any file of that name.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn keep_as(self, path: &Path) -> io::Result<()> {
        self.0.persist(path).map_err(|e| e.error)
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

    /// Does what [`Spool::open`] does for a folder that no setting names.
    pub(super) fn create(root: &Path) -> io::Result<Self> {
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

/// Removes the folders whose lock nobody holds, and nothing else: other things may stand beside them,
/// and only a lock file of ours tells that a folder was ours.
fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if !is_lock(&path) {
            continue;
        }
        let Ok(lock) = File::open(&path) else {
            continue;
        };
        if lock.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(path.with_extension("")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let folder = path.display();
                tracing::warn!(%folder, %error, "what a dead process left cannot be removed");
            }
            // The lock goes last: without it nobody would know whose the folder is.
            _ => {
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(())
}

/// Returns whether a name is that of a lock file of ours: 32 hex digits and `.lock`.
fn is_lock(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.strip_suffix(".lock"));
    stem.is_some_and(|stem| {
        stem.len() == 32 && stem.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_keeps_its_files_and_a_dead_one_does_not() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join(Uuid::new_v4().simple().to_string());
        fs::create_dir(&dead).unwrap();
        fs::write(dead.with_extension("lock"), "").unwrap();
        fs::write(dead.join("archive"), "x").unwrap();
        let living = Spool::open(root.path()).unwrap();
        let (_, file) = living.file().unwrap();
        let other = Spool::open(root.path()).unwrap();
        assert!(file.path().exists());
        assert!(!dead.exists() && !dead.with_extension("lock").exists());
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
        drop((living, other));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let root = tempfile::tempdir().unwrap();
        let id = Uuid::new_v4().simple().to_string();
        let folders = ["symbols", "archive.old", id.as_str(), "yarn", ".git"];
        for folder in folders {
            fs::create_dir(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("file"), "x").unwrap();
        }
        // Many programs have lock files.
        fs::write(root.path().join("yarn.lock"), "").unwrap();
        fs::write(root.path().join("tecken.db"), "x").unwrap();
        drop(Spool::open(root.path()).unwrap());
        for folder in folders {
            assert!(root.path().join(folder).join("file").exists(), "{folder}");
        }
        assert!(root.path().join("yarn.lock").exists() && root.path().join("tecken.db").exists());
    }
}
