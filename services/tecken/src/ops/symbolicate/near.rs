// SPDX-License-Identifier: MPL-2.0
//! Symbols of modules that are near: in memory, on the local disk, or in a text that was looked over.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use releng_common::{Error, Result};
use releng_symbols::Outcome;
use releng_symbols::index::{Detail, IndexError, PageCache, ReadAt, Resolve};

use crate::state::{LocalFile, Module, Place, Room, Text};

/// With so many packed bytes to unpack, some milliseconds of work, the cores share them.
const SHARED_BYTES: u64 = 512 << 10;

/// How to read the symbols of modules that are near.
pub(super) struct Near<'a> {
    pub(super) cache: &'a PageCache,
    pub(super) detail: Detail,
    pub(super) room: &'a Room,
}

/// What reading gave. Nothing: the symbols are somewhere else now.
pub(super) type Read = Result<Option<Outcome>, IndexError>;

/// The symbols of one module while they are read.
pub(super) enum Reading {
    Index(Box<Resolve>, Source),
    Text(Arc<Text>, Arc<[u64]>),
    Elsewhere,
}

/// Where an index is read from.
pub(super) enum Source {
    File(Arc<LocalFile>),
    Memory(Bytes),
}

impl Near<'_> {
    /// Begins with the pages that are in memory.
    pub(super) fn begin(&self, module: &Module, addresses: &Arc<[u64]>) -> Reading {
        let (index, source) = match module.place() {
            Place::File(index, file) => {
                file.touch();
                (index, Source::File(file))
            }
            Place::Memory(index, bytes) => (index, Source::Memory(bytes)),
            Place::Text(text) => return Reading::Text(text, Arc::clone(addresses)),
            Place::Stored(..) => return Reading::Elsewhere,
        };
        let resolve = Resolve::new(index, self.cache, addresses, self.detail);
        Reading::Index(Box::new(resolve), source)
    }

    /// Reads the rest of several modules, in their order. Blocks. Where much is missing all cores take
    /// part: each takes the largest that nobody has taken.
    ///
    /// # Errors
    /// There is no room for the pages.
    pub(super) fn finish_all(&self, readings: Vec<Reading>) -> Result<Vec<Read>> {
        let missing: u64 = readings.iter().map(Reading::missing_bytes).sum();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(readings.len());
        if missing < SHARED_BYTES || threads < 2 {
            return readings.into_iter().map(|r| self.finish(r)).collect();
        }
        let mut queue: Vec<(usize, Reading)> = readings.into_iter().enumerate().collect();
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

    fn take_turns(&self, queue: &Mutex<Vec<(usize, Reading)>>) -> Vec<(usize, Result<Read>)> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut read = Vec::new();
        while let Some((place, reading)) = next() {
            read.push((place, self.finish(reading)));
        }
        read
    }

    fn finish(&self, reading: Reading) -> Result<Read> {
        match reading {
            Reading::Index(resolve, Source::File(file)) => {
                self.resolve(*resolve, &OnDemand::of(&file))
            }
            Reading::Index(resolve, Source::Memory(bytes)) => self.resolve(*resolve, &*bytes),
            Reading::Text(text, addresses) => self.excerpt(&text, &addresses),
            Reading::Elsewhere => Ok(Ok(None)),
        }
    }

    fn excerpt(&self, text: &Text, addresses: &[u64]) -> Result<Read> {
        match text.scanned.excerpt(&text.file, addresses) {
            Ok(table) => {
                take(self.room, table.memory_bytes())?;
                Ok(Ok(Some(Outcome::Found(Arc::new(table)))))
            }
            Err(error) => Ok(Err(IndexError::Read(io::Error::other(error)))),
        }
    }

    fn resolve(&self, mut resolve: Resolve, source: &(impl ReadAt + ?Sized)) -> Result<Read> {
        let mut held = Pages::default();
        loop {
            held.hold(self.room, &resolve)?;
            if resolve.wanted().is_empty() {
                return Ok(Ok(Some(Outcome::Found(Arc::new(resolve.finish())))));
            }
            let ranges = resolve.wanted().iter().cloned();
            let read = ranges.map(|range| source.read_at(range));
            let bytes = match read.collect::<io::Result<Vec<_>>>() {
                Ok(bytes) => bytes,
                // The folder made room for others.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
                Err(error) => return Ok(Err(IndexError::Read(error))),
            };
            if let Err(error) = resolve.supply(self.cache, &bytes) {
                return Ok(Err(error));
            }
        }
    }
}

impl Reading {
    /// Returns about how much has to be unpacked.
    fn missing_bytes(&self) -> u64 {
        match self {
            Self::Index(resolve, _) => {
                let ranges = resolve.wanted().iter();
                ranges.map(|range| range.end - range.start).sum()
            }
            // Unpacked already, but parsed each time.
            Self::Text(..) => SHARED_BYTES,
            Self::Elsewhere => 0,
        }
    }
}

/// A local file that is opened when something is read of it.
struct OnDemand<'a> {
    local: &'a LocalFile,
    file: OnceCell<File>,
}

impl<'a> OnDemand<'a> {
    fn of(local: &'a LocalFile) -> Self {
        Self {
            local,
            file: OnceCell::new(),
        }
    }

    fn get(&self) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let opened = self.local.open()?;
        Ok(self.file.get_or_init(|| opened))
    }
}

impl ReadAt for OnDemand<'_> {
    fn size(&self) -> io::Result<u64> {
        self.get()?.size()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.get()?.read_at(range)
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
