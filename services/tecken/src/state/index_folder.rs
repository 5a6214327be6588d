// SPDX-License-Identifier: MPL-2.0
//! Symbol indexes on the local disk, the least recently used ones leaving first. Several processes
//! may share the folder. Nothing in it is needed: what is missing is fetched or made again, and a
//! disk that refuses costs speed alone.
//!
//! The name of a file tells which version of which symbol file it belongs to, so an index of an older
//! upload is never found. A file gets that name when it is whole; what it holds is checked when it
//! is read.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use sha1::{Digest as _, Sha1};

use super::module::LocalFile;
use super::spool::{Spool, SpoolFile};

/// Folder for files that are being written, below that of the indexes.
const INCOMING: &str = "incoming";
/// Extension of indexes of this format.
const EXTENSION: &str = "symx1";
/// What the extensions of all formats begin with.
const ANY_EXTENSION: &str = "symx";

/// The name of an index on the local disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexName(String);

impl IndexName {
    /// Returns the name for a version of a symbol file: its location, its key and its tag there.
    pub fn of(location: &str, key: &str, etag: &str) -> Self {
        let mut hash = Sha1::new();
        for part in [location, key, etag] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// Returns the text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The folder. Its functions block.
#[derive(Debug)]
pub struct IndexFolder {
    root: PathBuf,
    max_bytes: u64,
    /// Made when it is needed: the disk may be refusing now and willing later.
    spool: Mutex<Option<Arc<Spool>>>,
    /// Files that modules of this process hold open.
    open: Mutex<HashMap<PathBuf, Vec<Weak<LocalFile>>>>,
    /// One sweep of a process at a time.
    sweeping: Mutex<()>,
}

impl IndexFolder {
    /// Takes a folder for so many bytes of indexes and removes what dead processes left half written.
    pub(super) fn open(root: PathBuf, max_bytes: u64) -> Self {
        let folder = Self {
            root,
            max_bytes,
            spool: Mutex::default(),
            open: Mutex::default(),
            sweeping: Mutex::default(),
        };
        match folder.spool() {
            Ok(_) => folder.sweep(),
            Err(error) => {
                let path = folder.root.display();
                tracing::warn!(%path, %error, "the folder of symbol indexes cannot be used");
            }
        }
        folder
    }

    fn spool(&self) -> io::Result<Arc<Spool>> {
        let mut slot = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spool) = slot.as_ref() {
            return Ok(Arc::clone(spool));
        }
        let spool = Arc::new(Spool::create(&self.root.join(INCOMING))?);
        *slot = Some(Arc::clone(&spool));
        Ok(spool)
    }

    /// Returns an open file of the folder as one that is let go of when it is removed.
    pub fn local(&self, name: &IndexName, file: File) -> Arc<LocalFile> {
        let path = self.path(name);
        let local = Arc::new(LocalFile::kept(path.clone(), file));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(path).or_default().push(Arc::downgrade(&local));
        local
    }

    /// Lets go of files that another process removed. Blocks.
    pub fn release_removed(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let locals = open.values().flatten().filter_map(Weak::upgrade);
        locals.for_each(|local| local.release_removed());
    }

    fn release(&self, path: &Path) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for local in open.remove(path).unwrap_or_default() {
            if let Some(local) = local.upgrade() {
                local.release();
            }
        }
        open.retain(|_, locals| {
            locals.retain(|local| local.strong_count() > 0);
            !locals.is_empty()
        });
    }

    fn path(&self, name: &IndexName) -> PathBuf {
        self.root.join(format!("{}.{EXTENSION}", name.0))
    }

    /// Opens an index and counts it as used.
    pub fn open_index(&self, name: &IndexName) -> Option<File> {
        let file = File::open(self.path(name)).ok();
        let found = if file.is_some() { "hit" } else { "miss" };
        metrics::counter!("tecken.symbolicate_index_disk_get", "found" => found).increment(1);
        file.inspect(mark_used)
    }

    /// Makes an empty file for an index, or for a symbol file that one is made from.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn draft(&self) -> io::Result<(File, SpoolFile)> {
        self.spool()?
            .file()
            .map_err(|e| io::Error::other(e.chain()))
    }

    /// Keeps an index that is whole, and lets others go to make room. Returns whether it is kept; one
    /// that exceeds the bound alone is not.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn keep(&self, name: &IndexName, draft: SpoolFile, size_bytes: u64) -> io::Result<bool> {
        if size_bytes > self.max_bytes {
            return Ok(false);
        }
        draft.keep_as(&self.path(name))?;
        metrics::counter!("tecken.symbolicate_index_disk_set").increment(1);
        self.sweep();
        Ok(true)
    }

    /// Throws an index away.
    pub fn remove(&self, name: &IndexName) {
        if let Err(error) = fs::remove_file(self.path(name))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, name = name.0, "a bad symbol index cannot be removed");
        }
    }

    /// Removes what was not used for longest until the rest fits.
    fn sweep(&self) {
        let _one = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut indexes = match indexes(&self.root) {
            Ok(indexes) => indexes,
            Err(error) => {
                tracing::warn!(%error, "the folder of symbol indexes cannot be listed");
                return;
            }
        };
        indexes.sort_unstable_by_key(|(used, ..)| *used);
        let mut total: u64 = indexes.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in &indexes {
            if total <= self.max_bytes {
                break;
            }
            // Another process may have been quicker.
            if fs::remove_file(path).is_ok() {
                metrics::counter!("tecken.symbolicate_index_disk_evict").increment(1);
            }
            self.release(path);
            total = total.saturating_sub(*size);
        }
        // In KiB: 32 bits of them are 4 TiB, and a float holds those.
        let usage = f64::from(u32::try_from(total / 1024).unwrap_or(u32::MAX));
        metrics::gauge!("tecken.symbolicate_index_disk_usage_kib").set(usage);
    }
}

/// Counts an index as used now. An open file remains readable when its name is gone.
pub(super) fn mark_used(file: &File) {
    // A disk that does not note it makes the order that of writing.
    let _ = file.set_modified(SystemTime::now());
}

/// Lists the indexes of all formats, and nothing else that may lie there.
fn indexes(root: &Path) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|e| e.to_str());
        let is_index = extension.is_some_and(|e| e.starts_with(ANY_EXTENSION));
        // It may have gone since it was listed.
        if let (true, Ok(meta)) = (is_index, entry.metadata())
            && meta.is_file()
        {
            found.push((meta.modified()?, meta.len(), path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    fn put(folder: &IndexFolder, name: &str, bytes: usize) -> bool {
        let (mut file, draft) = folder.draft().unwrap();
        file.write_all(&vec![b'x'; bytes]).unwrap();
        folder
            .keep(&name_of(name), draft, u64::try_from(bytes).unwrap())
            .unwrap()
    }

    fn name_of(name: &str) -> IndexName {
        IndexName::of("here", name, "1")
    }

    fn age(folder: &IndexFolder, name: &str, secs: u64) {
        let file = File::open(folder.path(&name_of(name))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(secs))
            .unwrap();
    }

    #[test]
    fn what_was_used_longest_ago_leaves_first() {
        let root = tempfile::tempdir().unwrap();
        let folder = IndexFolder::open(root.path().to_owned(), 250);
        assert!(put(&folder, "a", 100) && put(&folder, "b", 100));
        age(&folder, "a", 60);
        age(&folder, "b", 30);
        assert!(folder.open_index(&name_of("a")).is_some());
        assert!(put(&folder, "c", 100));
        assert!(folder.open_index(&name_of("a")).is_some());
        assert!(folder.open_index(&name_of("b")).is_none());
        assert!(folder.open_index(&name_of("c")).is_some());
        assert!(!put(&folder, "d", 251));
    }

    #[test]
    fn a_smaller_bound_holds_from_the_next_start_on_and_foreign_files_stay() {
        let root = tempfile::tempdir().unwrap();
        let folder = IndexFolder::open(root.path().to_owned(), 1000);
        put(&folder, "a", 100);
        put(&folder, "b", 100);
        age(&folder, "a", 60);
        fs::write(root.path().join("old.symx0"), [0; 200]).unwrap();
        fs::write(root.path().join("notes.txt"), [0; 500]).unwrap();
        age(&folder, "b", 30);
        drop(folder);
        let folder = IndexFolder::open(root.path().to_owned(), 250);
        assert!(folder.open_index(&name_of("a")).is_none());
        assert!(folder.open_index(&name_of("b")).is_none());
        assert!(root.path().join("old.symx0").exists());
        assert!(root.path().join("notes.txt").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_failure() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "x").unwrap();
        let folder = IndexFolder::open(root.path().join("file/below"), 1000);
        assert!(folder.open_index(&name_of("a")).is_none());
        assert!(folder.draft().is_err());
    }

    #[test]
    fn names_differ_by_location_key_and_tag() {
        let names = [
            IndexName::of("a", "b", "c"),
            IndexName::of("ab", "", "c"),
            IndexName::of("a", "b", "d"),
            IndexName::of("x", "b", "c"),
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names.iter().skip(at + 1).any(|other| other == name));
        }
    }
}
