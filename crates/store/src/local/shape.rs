// SPDX-License-Identifier: MPL-2.0
//! Who may rely on the sub-folders of a store and who may change them, among all threads and all
//! processes that use it.
//!
//! Locks of files belong to an open file, and each guard opens its own: threads and processes meet
//! alike, and the lock of a killed process is gone with it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The lock of a store's sub-folders.
pub(crate) struct Shape {
    /// Held while one waits for `lock`: whoever comes after a waiting change waits behind it, so
    /// that puts without end do not keep it out.
    turn: PathBuf,
    lock: PathBuf,
}

/// Keeps the lock until it is dropped.
pub(crate) struct Held(#[expect(dead_code, reason = "an open file holds its lock")] File);

impl Shape {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            turn: root.join("turn.lock"),
            lock: root.join("folders.lock"),
        }
    }

    /// Waits until nobody changes folders. Until the guard is dropped, those that are there stay,
    /// and whoever created them has synced them.
    pub(crate) fn keep(&self) -> io::Result<Held> {
        self.take(|file| file.lock_shared())
    }

    /// Waits until nobody else keeps or changes folders.
    pub(crate) fn change(&self) -> io::Result<Held> {
        self.take(|file| file.lock())
    }

    fn take(&self, lock: fn(&File) -> io::Result<()>) -> io::Result<Held> {
        let _turn = locked(&self.turn, File::lock)?;
        Ok(Held(locked(&self.lock, lock)?))
    }
}

fn locked(path: &Path, lock: fn(&File) -> io::Result<()>) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match lock(&file) {
        // Some network file systems have no locks: one process can use such a folder.
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(file),
        result => result.map(|()| file),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn those_who_keep_share_and_a_change_comes_before_those_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let shape = || Shape::new(folder.path());
        let (send, order) = mpsc::channel();
        let first = shape().keep().unwrap();
        let second = shape().keep().unwrap();
        let note = |what: &'static str, wait: fn(&Shape) -> io::Result<Held>| {
            let (shape, send) = (shape(), send.clone());
            thread::spawn(move || {
                let _held = wait(&shape).unwrap();
                send.send(what).unwrap();
            })
        };
        let change = note("change", Shape::change);
        while locked_elsewhere(&shape().turn) != Some(true) {
            thread::yield_now();
        }
        let keep = note("keep", Shape::keep);
        drop(first);
        assert!(order.try_recv().is_err());
        drop(second);
        assert_eq!((order.recv(), order.recv()), (Ok("change"), Ok("keep")));
        change.join().unwrap();
        keep.join().unwrap();
    }

    fn locked_elsewhere(path: &Path) -> Option<bool> {
        Some(File::open(path).ok()?.try_lock().is_err())
    }
}
