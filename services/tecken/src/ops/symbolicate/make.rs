// SPDX-License-Identifier: MPL-2.0
//! The way to symbols without an index. A small symbol file has its index made while it arrives. A
//! large one is unpacked to the local disk and looked over on the way, which is all that a first
//! answer needs; its index is made behind that answer. The index stays on the local disk and goes to
//! the store.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use releng_common::Result;
use releng_store::Object;
use releng_symbols::ModuleKey;
use releng_symbols::index::{BuildError, Index};
use releng_symbols::parse::{Limits, ParseError};
use releng_symbols::scan::{Scan, Scanned};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::behind;
use super::load::{Paths, index_name};
use crate::State;
use crate::ops::{ask, index, millis};
use crate::state::{Found, IndexFolder, IndexName, Loaded, LocalFile, Module, Place, Source, Text};

/// Symbol files that are packed to less than this have their indexes made in memory.
const SMALL_BYTES: u64 = 1 << 20;
/// Bytes that are unpacked or written at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Pieces that may be unpacked before they are written.
const PIECES_AHEAD: usize = 8;

/// What came of a symbol file.
enum Made {
    Module(Module),
    Nothing(Found),
    /// The disk took no index.
    NoDisk,
}

/// Makes the index of a module's symbol file in a location. Nothing: the file is gone.
pub(super) async fn make(state: &State, source: &Source, paths: &Paths) -> Result<Option<Loaded>> {
    let Some((file_key, _)) = paths.keys(source) else {
        return Ok(None);
    };
    let question = || async {
        let mut in_memory = false;
        loop {
            let Some((object, broke_off)) = ask::get(state, source, &file_key, None).await? else {
                return Ok(None);
            };
            let (etag, size) = (object.meta.etag.clone(), object.meta.size);
            let job = Job {
                folder: Arc::clone(&state.index_folder),
                name: index_name(source, &paths.file, &etag),
                limits: index::limits(&state.settings.own),
                in_memory: in_memory || size < SMALL_BYTES,
                broke_off,
            };
            let (made, file_bytes) = job.run(state, object).await?;
            let found = match made {
                Made::NoDisk => {
                    in_memory = true;
                    continue;
                }
                Made::Nothing(found) => found,
                Made::Module(module) => {
                    note_other_id(&module, &paths.module);
                    let module = Arc::new(module);
                    behind::begin(state, source, paths, &module, etag);
                    Found::Module(module)
                }
            };
            return Ok(Some(Loaded {
                found,
                file_bytes,
                downloads: 1,
            }));
        }
    };
    ask::stubbornly(state, source, &paths.file, question).await
}

/// The making of an index, on threads for it.
struct Job {
    folder: Arc<IndexFolder>,
    name: IndexName,
    limits: Limits,
    in_memory: bool,
    broke_off: Arc<AtomicBool>,
}

impl Job {
    /// Returns what came of it and the bytes of the unpacked file.
    async fn run(self, state: &State, object: Object) -> Result<(Made, u64)> {
        let is_packed = object.meta.content_encoding.as_deref() == Some("gzip");
        let encoding = if is_packed { "gzip" } else { "none" };
        metrics::counter!("tecken.symboldownloader_download_bytes", "encoding" => encoding)
            .increment(object.meta.size);
        let reader = SyncIoBridge::new(StreamReader::new(object.stream));
        let work = move || {
            let started = Instant::now();
            let count = Arc::new(AtomicU64::new(0));
            let made = unpack(BufReader::with_capacity(CHUNK_BYTES, reader), is_packed)
                .map_err(|e| BuildError::File(e.into()))
                .and_then(|inner| {
                    self.make(Counted {
                        inner,
                        count: Arc::clone(&count),
                    })
                });
            let time = millis(started.elapsed());
            metrics::histogram!("tecken.symbolicate_load_symbol").record(time);
            metrics::histogram!("tecken.symboldownloader_get_object_read").record(time);
            if self.broke_off.load(Ordering::SeqCst) {
                return Err(ask::silent("the object broke off"));
            }
            let made = made.unwrap_or_else(|error| match error {
                BuildError::File(ParseError::TooLarge { unit, limit }) => {
                    Made::Nothing(Found::TooLarge { unit, limit })
                }
                BuildError::Write(error) => {
                    metrics::counter!("tecken.symbolicate_index_disk_refused").increment(1);
                    tracing::warn!(%error, "the disk takes no symbol index");
                    Made::NoDisk
                }
                // The bytes arrived whole, so a failed read means that they are no gzip.
                BuildError::File(_) | _ => Made::Nothing(Found::Corrupt),
            });
            Ok((made, count.load(Ordering::SeqCst)))
        };
        state.lanes.builds.run(work).await
    }

    fn make(&self, file: impl Read + Send) -> Result<Made, BuildError> {
        let (file_bytes, place) = if self.in_memory {
            self.make_in_memory(file)?
        } else {
            self.look_over(file)?
        };
        Ok(Made::Module(Module::new(
            self.name.clone(),
            file_bytes,
            place,
        )))
    }

    /// Unpacks on this thread and writes on another one, which keeps up.
    fn look_over(&self, mut file: impl Read + Send) -> Result<(u64, Place), BuildError> {
        let (out, path) = self.folder.draft().map_err(BuildError::Write)?;
        let (sender, pieces) = mpsc::sync_channel::<Vec<u8>>(PIECES_AHEAD);
        let scanned = thread::scope(|scope| {
            let looking = scope.spawn(|| self.write_and_scan(&out, pieces));
            let unpacked = send_pieces(&mut file, &sender);
            drop(sender);
            let scanned = looking
                .join()
                .unwrap_or_else(|_| Err(BuildError::Write(io::Error::other("stopped"))));
            // What went wrong with the file counts before what its parts look like.
            unpacked.map_err(|e| BuildError::File(e.into()))?;
            scanned
        })?;
        let size = out.metadata().map_err(BuildError::Write)?.len();
        let text = Text {
            scanned,
            file: out,
            path,
        };
        Ok((size, Place::Text(Arc::new(text))))
    }

    fn write_and_scan(
        &self,
        mut out: &File,
        pieces: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Scanned, BuildError> {
        let mut scan = Scan::new(&self.limits);
        for piece in pieces {
            scan.feed(&piece).map_err(BuildError::File)?;
            out.write_all(&piece).map_err(BuildError::Write)?;
        }
        scan.finish().map_err(BuildError::File)
    }

    fn make_in_memory(&self, file: impl Read + Send) -> Result<(u64, Place), BuildError> {
        let mut bytes = Vec::new();
        let built = index::make(file, &mut bytes, self.limits.clone())?;
        let index = Index::open(&bytes).map_err(|e| BuildError::Write(io::Error::other(e)))?;
        let index = Arc::new(index);
        let place = match self.write(&bytes) {
            Ok(Some(file)) => Place::File(index, file),
            Ok(None) => Place::Memory(index, Bytes::from(bytes)),
            Err(error) => {
                metrics::counter!("tecken.symbolicate_index_disk_refused").increment(1);
                tracing::warn!(%error, "the disk takes no symbol index");
                Place::Memory(index, Bytes::from(bytes))
            }
        };
        Ok((built.file_bytes, place))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<Option<Arc<LocalFile>>> {
        let started = Instant::now();
        let (mut out, draft) = self.folder.draft()?;
        out.write_all(bytes)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let is_kept = self.folder.keep(&self.name, draft, size)?;
        metrics::histogram!("tecken.symbolicate_store_hashmap").record(millis(started.elapsed()));
        Ok(is_kept.then(|| self.folder.local(&self.name, out)))
    }
}

/// Counts a file that names another id than its key, which counts: the store is the authority.
fn note_other_id(module: &Module, key: &ModuleKey) {
    let is_other = |id: String| !id.eq_ignore_ascii_case(key.debug_id());
    if module.debug_id().is_some_and(is_other) {
        metrics::counter!("tecken.symbolicate_module_id_differs").increment(1);
        tracing::debug!(?key, "a symbol file names another debug id than its key");
    }
}

/// Reads until the end, or until nobody takes the pieces any more.
fn send_pieces(file: &mut impl Read, sender: &mpsc::SyncSender<Vec<u8>>) -> io::Result<()> {
    loop {
        let mut piece = Vec::with_capacity(CHUNK_BYTES);
        let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let read = file.by_ref().take(limit).read_to_end(&mut piece)?;
        if read == 0 || sender.send(piece).is_err() {
            return Ok(());
        }
    }
}

/// Unpacks what is packed; files may have been put into a store by others, without compression.
pub(in crate::ops) fn unpack<R: Read + Send + 'static>(
    mut reader: BufReader<R>,
    is_packed: bool,
) -> io::Result<Box<dyn Read + Send>> {
    let begins_packed = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let is_empty = reader.fill_buf()?.is_empty();
    if begins_packed || (is_packed && !is_empty) {
        return Ok(Box::new(MultiGzDecoder::new(reader)));
    }
    Ok(Box::new(reader))
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count
            .fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}
