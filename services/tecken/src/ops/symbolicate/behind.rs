// SPDX-License-Identifier: MPL-2.0
//! What goes on behind a first answer: the index is finished, kept on the local disk, and put into the
//! store when uploads go there (D-55).

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Instant;

use releng_common::pool::Pool;
use releng_common::{Error, Result};
use releng_store::{Body, Key};
use releng_symbols::ModuleKey;
use releng_symbols::index::{BuildError, Index};
use releng_symbols::parse::Limits;

use super::load::Paths;
use crate::State;
use crate::ops::{index, millis};
use crate::state::{IndexFolder, IndexName, LocalFile, Module, Place, Scales, Source, Text};

/// Bytes that are written at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The rest of the work on a module.
struct Rest {
    key: ModuleKey,
    module: Arc<Module>,
    scales: Scales,
    folder: Arc<IndexFolder>,
    builds: Pool,
    limits: Limits,
    /// Where the index goes, when it may.
    store: Option<(Source, Key, Key)>,
    etag: String,
}

/// Begins the work; nobody waits for it.
pub(super) fn begin(
    state: &State,
    source: &Source,
    paths: &Paths,
    module: &Arc<Module>,
    etag: String,
) {
    let keys = paths
        .keys(source)
        .filter(|_| !etag.is_empty() && state.sources.takes_uploads(source));
    let rest = Rest {
        key: paths.module.clone(),
        scales: state.modules.scales(),
        module: Arc::clone(module),
        folder: Arc::clone(&state.index_folder),
        builds: state.lanes.builds.clone(),
        limits: index::limits(&state.settings.own),
        store: keys.map(|(file, index)| (source.clone(), file, index)),
        etag,
    };
    tokio::spawn(async move {
        if let Err(error) = rest.run().await {
            index::note_failure(rest.module.name.as_str(), &error);
        }
    });
}

impl Rest {
    async fn run(&self) -> Result<()> {
        if let Place::Text(text) = self.module.place() {
            let place = self.finish(text).await?;
            self.module.move_to(place);
            self.scales.weigh(&self.key, &self.module).await;
        }
        match &self.store {
            Some((source, file_key, index_key)) => self.put(source, file_key, index_key).await,
            None => Ok(()),
        }
    }

    async fn finish(&self, text: Arc<Text>) -> Result<Place> {
        let (folder, name) = (Arc::clone(&self.folder), self.module.name.clone());
        let limits = self.limits.clone();
        let job = move || {
            make_on_disk(&folder, &name, FromStart::of(&text.file), limits)
                .map_err(|e| Error::internal("no index").with_source(e))
        };
        self.builds.run(job).await
    }

    async fn put(&self, source: &Source, file_key: &Key, index_key: &Key) -> Result<()> {
        let Some(body) = body(&self.module.place())? else {
            return Ok(());
        };
        // Another upload may have come: its index must not give way to this one.
        match source.store.head(file_key).await? {
            Some(file) if file.etag == self.etag => {
                index::put(source, index_key, body, &self.etag).await
            }
            _ => Ok(()),
        }
    }
}

fn body(place: &Place) -> Result<Option<Body>> {
    match place {
        Place::File(index, file) => {
            let copy = file.hold().and_then(|file| file.try_clone());
            let body = copy.and_then(|file| index::body_of(file, index.index_bytes()));
            body.map(Some)
                .map_err(|e| Error::internal("the index is gone").with_source(e))
        }
        Place::Memory(_, bytes) => Ok(Some(bytes.clone().into())),
        Place::Stored(..) | Place::Text(_) => Ok(None),
    }
}

fn make_on_disk(
    folder: &IndexFolder,
    name: &IndexName,
    file: impl Read + Send,
    limits: Limits,
) -> Result<Place, BuildError> {
    let started = Instant::now();
    let (out, draft) = folder.draft().map_err(BuildError::Write)?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, &out);
    let built = index::make(file, &mut writer, limits)?;
    writer.flush().map_err(BuildError::Write)?;
    drop(writer);
    let index = Index::open(&out).map_err(|e| BuildError::Write(io::Error::other(e)))?;
    let is_kept = folder
        .keep(name, draft, built.index_bytes)
        .map_err(BuildError::Write)?;
    metrics::histogram!("tecken.symbolicate_store_hashmap").record(millis(started.elapsed()));
    let file = if is_kept {
        folder.local(name, out)
    } else {
        Arc::new(LocalFile::nameless(out, built.index_bytes))
    };
    Ok(Place::File(Arc::new(index), file))
}

/// Reads a file from its beginning, wherever others read it.
struct FromStart<'a> {
    file: &'a File,
    position: u64,
}

impl<'a> FromStart<'a> {
    fn of(file: &'a File) -> Self {
        Self { file, position: 0 }
    }
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}
