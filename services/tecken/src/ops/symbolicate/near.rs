// SPDX-License-Identifier: MPL-2.0
//! Symbols of modules that are near: in memory, on the local disk, or in a text that was looked over.

use std::fs::File;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use releng_common::{Error, Result};
use releng_symbols::Outcome;
use releng_symbols::index::{Detail, Index, IndexError, PageCache, ReadAt, Resolve};

use crate::state::{Place, Room, Text};

/// So many packed bytes to unpack, some milliseconds of work, are worth a thread more.
const SHARED_BYTES: u64 = 512 << 10;

/// How to read the symbols of modules that are near.
pub(super) struct Near<'a> {
    pub(super) cache: &'a PageCache,
    pub(super) detail: Detail,
    pub(super) room: &'a Room,
}

/// What reading gave.
pub(super) type Read = Result<Outcome, IndexError>;

/// Where the symbols of a module are read from. They stay there while this is held.
pub(super) enum Source {
    File(Arc<Index>, Arc<File>),
    Memory(Arc<Index>, Bytes),
    Text(Arc<Text>),
}

impl Source {
    /// Takes the symbols where they are; nothing: in a store.
    ///
    /// # Errors
    /// The local copy of an index is gone.
    pub(super) fn of(place: Place) -> io::Result<Option<Self>> {
        Ok(match place {
            Place::File(index, file) => Some(Self::File(index, file.hold()?)),
            Place::Memory(index, bytes) => Some(Self::Memory(index, bytes)),
            Place::Text(text) => Some(Self::Text(text)),
            Place::Stored(..) => None,
        })
    }
}

/// The symbols of one module while they are read.
pub(super) enum Reading<'a> {
    File(Box<Resolve>, &'a File),
    Memory(Box<Resolve>, &'a [u8]),
    Text(&'a Text, &'a [u64]),
}

impl Near<'_> {
    /// Begins with the pages that are in memory.
    pub(super) fn begin<'a>(&self, source: &'a Source, addresses: &'a [u64]) -> Reading<'a> {
        let resolve = |index: &Arc<Index>| {
            let index = Arc::clone(index);
            Box::new(Resolve::new(index, self.cache, addresses, self.detail))
        };
        match source {
            Source::File(index, file) => Reading::File(resolve(index), file),
            Source::Memory(index, bytes) => Reading::Memory(resolve(index), bytes),
            Source::Text(text) => Reading::Text(text, addresses),
        }
    }

    /// Reads the rest of several modules, in their order. Blocks. Where much is missing all cores take
    /// part: each takes the largest that nobody has taken.
    ///
    /// # Errors
    /// There is no room for the pages.
    pub(super) fn finish_all(&self, readings: Vec<Reading<'_>>) -> Result<Vec<Read>> {
        let missing: u64 = readings.iter().map(Reading::missing_bytes).sum();
        // Asking the system takes longer than most requests that have their pages in memory.
        static CORES: LazyLock<usize> =
            LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
        let worth = usize::try_from(missing / SHARED_BYTES).unwrap_or(usize::MAX);
        let threads = worth.saturating_add(1).min(readings.len()).min(*CORES);
        if threads < 2 {
            let mut buffer = Vec::new();
            let read = readings.into_iter();
            return read.map(|r| self.finish(r, &mut buffer)).collect();
        }
        let mut queue: Vec<(usize, Reading<'_>)> = readings.into_iter().enumerate().collect();
        // The last one is taken first.
        queue.sort_by_key(|(_, reading)| reading.missing_bytes());
        let queue = Mutex::new(queue);
        let mut read = thread::scope(|scope| {
            let work = || self.take_turns(&queue);
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut read = work();
            for other in others {
                let stopped = |_panic| Error::internal("a thread that reads symbols stopped");
                read.extend(other.join().map_err(stopped)?);
            }
            Ok::<_, Error>(read)
        })?;
        read.sort_by_key(|(place, _)| *place);
        read.into_iter().map(|(_, read)| read).collect()
    }

    fn take_turns(&self, queue: &Mutex<Vec<(usize, Reading<'_>)>>) -> Vec<(usize, Result<Read>)> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut read, mut buffer) = (Vec::new(), Vec::new());
        while let Some((place, reading)) = next() {
            read.push((place, self.finish(reading, &mut buffer)));
        }
        read
    }

    fn finish(&self, reading: Reading<'_>, buffer: &mut Vec<u8>) -> Result<Read> {
        match reading {
            Reading::File(resolve, file) => self.resolve(*resolve, file, buffer),
            Reading::Memory(resolve, bytes) => self.resolve(*resolve, bytes, buffer),
            Reading::Text(text, addresses) => self.excerpt(text, addresses),
        }
    }

    fn excerpt(&self, text: &Text, addresses: &[u64]) -> Result<Read> {
        match text.scanned.excerpt(&text.file, addresses) {
            Ok(table) => {
                take(self.room, table.memory_bytes())?;
                Ok(Ok(Outcome::Found(Arc::new(table))))
            }
            Err(error) => Ok(Err(IndexError::Read(io::Error::other(error)))),
        }
    }

    fn resolve(
        &self,
        mut resolve: Resolve,
        packed: &(impl ReadAt + ?Sized),
        buffer: &mut Vec<u8>,
    ) -> Result<Read> {
        let mut held = Pages::default();
        loop {
            held.hold(self.room, &resolve)?;
            if resolve.wanted().is_empty() {
                return Ok(Ok(Outcome::Found(Arc::new(resolve.finish()))));
            }
            if let Err(error) = resolve.supply_from(self.cache, packed, buffer) {
                return Ok(Err(error));
            }
        }
    }
}

impl Reading<'_> {
    /// Returns about how much has to be unpacked.
    fn missing_bytes(&self) -> u64 {
        match self {
            Self::File(resolve, _) | Self::Memory(resolve, _) => {
                let ranges = resolve.wanted().iter();
                ranges.map(|range| range.end - range.start).sum()
            }
            // Unpacked already, but parsed each time.
            Self::Text(..) => SHARED_BYTES,
        }
    }
}

/// The pages that one look-up holds, as far as its request has memory for them.
#[derive(Default)]
pub(super) struct Pages {
    taken: usize,
}

impl Pages {
    /// Takes memory for the pages that are there and for those that are read next.
    pub(super) fn hold(&mut self, room: &Room, resolve: &Resolve) -> Result<()> {
        let bytes = resolve.memory_bytes();
        take(room, bytes.saturating_sub(self.taken))?;
        self.taken = self.taken.max(bytes);
        Ok(())
    }
}

fn take(room: &Room, bytes: usize) -> Result<()> {
    room.take(u64::try_from(bytes).unwrap_or(u64::MAX))
}
