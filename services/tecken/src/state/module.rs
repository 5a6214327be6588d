// SPDX-License-Identifier: MPL-2.0
//! A module whose symbols are at hand, and where they are.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use releng_store::Key;
use releng_symbols::Header;
use releng_symbols::index::Index;
use releng_symbols::scan::Scanned;

use super::index_folder::{IndexName, mark_used};
use super::sources::Source;
use super::spool::SpoolFile;

/// An index that is in use is marked as used that often.
const MARK_EVERY: Duration = Duration::from_secs(600);

/// A module's symbols. Where they are changes while they are used: an index moves closer.
#[derive(Debug)]
pub struct Module {
    /// Bytes of the symbol file, unpacked.
    pub file_bytes: u64,
    /// The index on the local disk, whether it is there or not.
    pub name: IndexName,
    /// The index in a store that it was read from, wherever it is now.
    pub origin: Option<Arc<StoredIndex>>,
    place: Mutex<Place>,
}

/// Where a module's symbols are.
#[derive(Clone, Debug)]
pub enum Place {
    /// An index on the local disk.
    File(Arc<Index>, Arc<LocalFile>),
    /// An index in memory, where the disk takes none.
    Memory(Arc<Index>, Bytes),
    /// An index in a store, read by ranges.
    Stored(Arc<Index>, Arc<StoredIndex>),
    /// The symbol file itself, while its index is being made.
    Text(Arc<Text>),
}

/// An unpacked symbol file that was looked over once.
#[derive(Debug)]
pub struct Text {
    /// Where in the file its records are.
    pub scanned: Scanned,
    /// The file.
    pub file: File,
    /// Its name on the disk, which goes with this.
    pub path: SpoolFile,
}

/// An index in a store.
pub struct StoredIndex {
    /// The store.
    pub source: Source,
    /// Its key there.
    pub key: Key,
    /// The tag of the version that was opened: a range of another version is not of this index.
    pub etag: String,
    read_bytes: AtomicU64,
    is_brought: AtomicBool,
}

impl fmt::Debug for StoredIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredIndex({:?}, {})", self.source, self.key)
    }
}

/// An index on the local disk.
#[derive(Debug)]
pub struct LocalFile {
    /// Where it is in the folder; nothing: it has no name any more.
    path: Option<PathBuf>,
    /// Open, until the folder makes room for others: a removed file takes up the disk while it is open.
    file: Mutex<Option<Arc<File>>>,
    /// Bytes on the disk that no bound of the folder counts.
    nameless_bytes: u64,
    marked_at: Mutex<Instant>,
}

impl LocalFile {
    /// Takes a file of the folder that was just opened.
    pub(super) fn kept(path: PathBuf, file: File) -> Self {
        Self {
            path: Some(path),
            ..Self::nameless(file, 0)
        }
    }

    /// Takes a file of so many bytes that has no name any more and goes with its value.
    pub fn nameless(file: File, bytes: u64) -> Self {
        Self {
            path: None,
            file: Mutex::new(Some(Arc::new(file))),
            nameless_bytes: bytes,
            marked_at: Mutex::new(Instant::now()),
        }
    }

    /// Returns the file for reading, and counts it as used. It stays readable for those who hold it.
    ///
    /// # Errors
    /// `NotFound` when it had to make room for others, and what else the disk says.
    pub fn hold(&self) -> io::Result<Arc<File>> {
        let mut slot = lock(&self.file);
        let file = match (slot.as_ref(), &self.path) {
            (Some(file), _) => Arc::clone(file),
            (None, Some(path)) => Arc::new(File::open(path)?),
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        *slot = Some(Arc::clone(&file));
        drop(slot);
        if self.path.is_some() && self.is_to_be_marked() {
            mark_used(&file);
        }
        Ok(file)
    }

    /// Lets go of the file if somebody removed it.
    pub(super) fn release_removed(&self) {
        let mut slot = lock(&self.file);
        let is_removed = |file: &Arc<File>| file.metadata().is_ok_and(|meta| meta.nlink() == 0);
        if self.path.is_some() && slot.as_ref().is_some_and(is_removed) {
            *slot = None;
        }
    }

    /// Lets go of a file that was removed.
    pub(super) fn release(&self) {
        *lock(&self.file) = None;
    }

    fn is_to_be_marked(&self) -> bool {
        let mut marked_at = lock(&self.marked_at);
        let is_time = marked_at.elapsed() >= MARK_EVERY;
        if is_time {
            *marked_at = Instant::now();
        }
        is_time
    }
}

impl Module {
    /// Takes symbols that are somewhere.
    pub fn new(name: IndexName, file_bytes: u64, place: Place) -> Self {
        Self {
            file_bytes,
            name,
            origin: None,
            place: Mutex::new(place),
        }
    }

    /// Notes which index in a store they came from.
    #[must_use]
    pub fn with_origin(self, origin: Arc<StoredIndex>) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// Returns where the symbols are now.
    pub fn place(&self) -> Place {
        lock(&self.place).clone()
    }

    /// Notes that they are somewhere else.
    pub fn move_to(&self, place: Place) {
        *lock(&self.place) = place;
    }

    /// Returns the debug id that the symbol file itself names.
    pub fn debug_id(&self) -> Option<String> {
        let of = |header: &Header| Some(header.module.as_ref()?.debug_id.clone());
        match self.place() {
            Place::File(index, _) | Place::Memory(index, _) | Place::Stored(index, _) => {
                of(index.header())
            }
            Place::Text(text) => of(text.scanned.header()),
        }
    }

    /// Returns the memory that the module takes, its pages in the shared cache aside, and the disk that no
    /// bound of a folder counts, both in bytes.
    pub fn held_bytes(&self) -> (u64, u64) {
        let (memory, disk) = match self.place() {
            Place::Stored(index, _) => (index.memory_bytes(), 0),
            Place::File(index, file) => (index.memory_bytes(), file.nameless_bytes),
            Place::Memory(index, bytes) => (index.memory_bytes().saturating_add(bytes.len()), 0),
            // The file itself goes when its index is there.
            Place::Text(text) => (text.scanned.memory_bytes(), 0),
        };
        (u64::try_from(memory).unwrap_or(u64::MAX), disk)
    }
}

impl StoredIndex {
    /// Takes an index whose end was read.
    pub fn new(source: Source, key: Key, etag: String, read_bytes: u64) -> Self {
        Self {
            source,
            key,
            etag,
            read_bytes: AtomicU64::new(read_bytes),
            is_brought: AtomicBool::new(false),
        }
    }

    /// Tells one caller, the first, to bring the whole index here.
    pub fn may_bring(&self) -> bool {
        !self.is_brought.swap(true, Ordering::Relaxed)
    }

    /// Adds to the bytes that were read and returns them all.
    pub fn count(&self, bytes: u64) -> u64 {
        self.read_bytes
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both values are whole at any moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
