// SPDX-License-Identifier: MPL-2.0
//! Two runs exclude each other when they share anything: the state directory, the upload root or a
//! target folder. The locks end with the process, however it ends.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
};

/// The locks of a run.
#[derive(Debug)]
pub struct Locks {
    _files: Vec<File>,
}

/// Puts a lock on each file or directory; `None` if another process has one of them.
///
/// # Errors
/// A file of our own cannot be locked.
pub fn all(own: File, shared: Vec<File>) -> io::Result<Option<Locks>> {
    match own.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut files = vec![own];
    // Two types may share a folder, and a lock excludes other handles of the same process too.
    let mut seen = BTreeSet::new();
    for file in shared {
        let metadata = file.metadata()?;
        if !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        match file.try_lock() {
            Ok(()) => files.push(file),
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems cannot lock directories. The file of our own is what
            // counts for runs with one state directory, the usual case.
            Err(TryLockError::Error(_)) => {}
        }
    }
    Ok(Some(Locks { _files: files }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_two_runs_share_excludes_one_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let own = |name: &str| File::create(folder.path().join(name)).unwrap();
        let shared = || File::open(folder.path()).unwrap();
        let first = all(own("a"), vec![shared(), shared()]).unwrap();
        assert!(first.is_some());
        assert!(all(own("a"), vec![]).unwrap().is_none(), "the own file");
        assert!(all(own("b"), vec![shared()]).unwrap().is_none(), "a folder");
        drop(first);
        assert!(all(own("a"), vec![shared()]).unwrap().is_some());
    }
}
