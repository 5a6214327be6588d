// SPDX-License-Identifier: MPL-2.0
//! Files on their way. Each is locked by the process that writes it, so that another one can tell
//! a running put from the remains of a crashed one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A file that disappears unless it is moved to where it belongs.
pub(crate) struct Temporary {
    file: File,
    path: Option<PathBuf>,
}

impl Temporary {
    /// Creates a file that only this user can read.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        loop {
            let path = folder.join(Uuid::new_v4().simple().to_string());
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            let temporary = Self {
                file,
                path: Some(path),
            };
            lock(&temporary.file)?;
            // A sweep may have come between creation and lock; then the name is gone.
            if temporary.file.metadata()?.nlink() > 0 {
                return Ok(temporary);
            }
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file; what was there before is replaced.
    pub(crate) fn rename(
        mut self,
        target: &Path,
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(path) = &self.path {
            place(path, target)?;
        }
        self.path = None;
        Ok(())
    }

    /// Returns where the file is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Gives the file a further name unless that is taken, and drops this one.
    pub(crate) fn link(self, target: &Path) -> io::Result<()> {
        match &self.path {
            Some(path) => fs::hard_link(path, target),
            None => Ok(()),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove a temporary file");
        }
    }
}

/// Removes files whose writers are gone.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let removed = File::open(&path).and_then(|file| match file.try_lock() {
            Ok(()) => fs::remove_file(&path).map(|()| true),
            Err(_) => Ok(false),
        });
        match removed {
            Ok(true) => tracing::info!(path = %path.display(), "removed the rest of a cut put"),
            Ok(false) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Waits until no other holder of the file is at this point.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    match file.lock() {
        // Where files cannot be locked no sweep can lock them either: it leaves them alone.
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    #[test]
    fn a_sweep_spares_files_that_are_being_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crashed"), "half").unwrap();
        let running = Temporary::create(folder.path()).unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [running.path.clone().unwrap()]);
        drop(running);
        assert!(names(folder.path()).is_empty());
    }
}
