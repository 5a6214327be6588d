// SPDX-License-Identifier: MPL-2.0
//! The folders of the archive and the kernel's notices about them.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use inotify::{Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::sync::mpsc;

use crate::domain::is_record_name;

/// Files that are handed on at once.
const BATCH: usize = 200;
/// Deepest folder that is looked at.
const MAX_DEPTH: usize = 100;

/// The watched folders by the kernel's number. Clones share it.
#[derive(Clone)]
pub(super) struct Folders {
    watches: Arc<Mutex<Watches>>,
    paths: Arc<Mutex<HashMap<WatchDescriptor, PathBuf>>>,
}

impl Folders {
    pub(super) fn new(inotify: &Inotify) -> Self {
        Self {
            watches: Arc::new(Mutex::new(inotify.watches())),
            paths: Arc::default(),
        }
    }

    /// Returns the path that a notice is about.
    pub(super) fn path_of(&self, folder: &WatchDescriptor) -> Option<PathBuf> {
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(folder)
            .cloned()
    }

    /// Forgets a folder that the kernel no longer watches.
    pub(super) fn forget(&self, folder: &WatchDescriptor) {
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(folder);
    }

    fn watch(&self, folder: &Path) -> io::Result<()> {
        let mask = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::CREATE
            | WatchMask::ATTRIB
            | WatchMask::ONLYDIR
            | WatchMask::EXCL_UNLINK;
        let id = self
            .watches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(folder, mask)?;
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, folder.to_owned());
        Ok(())
    }

    /// Watches a folder and all below it and hands the record files in them on. Each folder is
    /// watched before it is listed, so that no file falls between. Returns whether all are watched.
    pub(super) fn scan(&self, root: PathBuf, files: &mpsc::Sender<Vec<PathBuf>>) -> bool {
        let mut is_complete = true;
        let mut batch = Vec::new();
        let watch = |folder: &Path| match self.watch(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a folder cannot be watched");
                is_complete = false;
            }
        };
        walk(root, watch, |file| {
            if is_record(&file) {
                batch.push(file);
            }
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            match files.blocking_send(std::mem::take(&mut batch)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        if !batch.is_empty() {
            // A receiver that is gone has no use for them.
            let _ = files.blocking_send(batch);
        }
        is_complete
    }
}

/// Visits a folder and all below it, each folder before the files in it. Links to folders are not
/// followed: they can lead round in circles.
fn walk(
    root: PathBuf,
    mut on_folder: impl FnMut(&Path),
    mut on_file: impl FnMut(PathBuf) -> ControlFlow<()>,
) {
    let mut waiting = vec![(root, 0)];
    while let Some((folder, depth)) = waiting.pop() {
        on_folder(&folder);
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let kind = entry.file_type().ok();
            let is_folder = kind.is_some_and(|kind| kind.is_dir());
            if kind.is_some_and(|kind| kind.is_symlink()) {
                tell_of_link(&entry.path());
            }
            if is_folder && depth < MAX_DEPTH {
                waiting.push((entry.path(), depth + 1));
            } else if !is_folder && on_file(entry.path()).is_break() {
                return;
            }
        }
    }
}

/// Says once that folders behind links are left out: a look at the archive comes every few minutes.
fn tell_of_link(path: &Path) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if path.is_dir() && !IS_TOLD.swap(true, Ordering::Relaxed) {
        let link = path.display();
        tracing::warn!(%link, "links to folders in the archive are not followed");
    }
}

/// Returns whether a path is named like a record.
pub(super) fn is_record(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| is_record_name(&name.to_string_lossy()))
}

/// Returns the record files below a folder in order, or the path itself when it is no folder.
pub(crate) fn record_files(path: PathBuf) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path];
    }
    let mut files = Vec::new();
    walk(
        path,
        |_| {},
        |file| {
            if is_record(&file) {
                files.push(file);
            }
            ControlFlow::Continue(())
        },
    );
    files.sort();
    files
}
