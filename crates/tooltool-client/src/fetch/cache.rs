// SPDX-License-Identifier: MPL-2.0
//! The cache folder: files named by their digest, shared by processes that know nothing of each
//! other. Entries appear by renaming, and every use verifies the bytes.

use std::{
    fs::{self, DirBuilder, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{digest::Sha512, log::Log, record::Expected, temporary};

/// A cache folder; it is created when the first file is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    hard_links: bool,
}

impl Cache {
    /// Returns the cache in a folder. With `hard_links` the cache and the working folder share
    /// the bytes on disk; whoever then changes a file in place changes it everywhere (the next
    /// use notices). Without, the file system's own copy-on-write is used where it has one.
    pub fn new(folder: PathBuf, hard_links: bool) -> Self {
        Self { folder, hard_links }
    }

    /// Puts the cached file at `target` if there is one and it is right; a wrong one is deleted.
    pub(super) fn restore(&self, expected: &Expected, target: &Path, log: &Log) -> bool {
        let entry = self.entry(&expected.digest);
        if !entry.is_file() {
            return false;
        }
        match self.take(&entry, expected, target) {
            Ok(Ok(())) => true,
            Ok(Err(reason)) => {
                log.warning(format_args!(
                    "deleting {} from the cache: {reason}",
                    entry.display()
                ));
                // A purge may have been faster.
                fs::remove_file(&entry).ok();
                false
            }
            Err(error) => {
                log.warning(format_args!("cannot use {}: {error}", entry.display()));
                false
            }
        }
    }

    fn take(
        &self,
        entry: &Path,
        expected: &Expected,
        target: &Path,
    ) -> io::Result<Result<(), String>> {
        let copy = self.copy(entry, target.parent().unwrap_or(Path::new(".")))?;
        touch(entry);
        Ok(match expected.check(copy.path()) {
            Ok(()) => {
                copy.persist(target)?;
                Ok(())
            }
            Err(reason) => Err(reason),
        })
    }

    /// Copies a verified file into the cache.
    pub(super) fn store(&self, digest: &Sha512, file: &Path) -> io::Result<()> {
        create_private(&self.folder)?;
        let entry = self.entry(digest);
        self.copy(file, &self.folder)?.persist(&entry)?;
        touch(&entry);
        Ok(())
    }

    fn entry(&self, digest: &Sha512) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    fn copy(&self, source: &Path, folder: &Path) -> io::Result<temporary::Copy> {
        if self.hard_links
            && let Ok(link) = temporary::link_in(source, folder)
        {
            return Ok(link);
        }
        temporary::copy_in(source, folder)
    }

    /// Removes what killed processes have left in the folder.
    pub(super) fn tidy(&self, log: &Log) {
        temporary::tidy(&self.folder, log);
    }
}

/// `purge` goes by modification time, so a use counts as one.
fn touch(entry: &Path) {
    if let Ok(file) = File::options().append(true).open(entry) {
        file.set_modified(SystemTime::now()).ok();
    }
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
