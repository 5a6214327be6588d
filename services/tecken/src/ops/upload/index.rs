// SPDX-License-Identifier: MPL-2.0
//! The index of an uploaded symbol file. Symbolication makes it when it is not there, so an upload
//! never fails for want of one.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};

use releng_common::{Error, Result};
use releng_store::{Body, Key};
use releng_symbols::ModuleKey;
use releng_symbols::index::BuildError;

use super::prepare::ToPut;
use crate::State;
use crate::domain::SymbolPath;
use crate::ops::index;
use crate::ops::symbolicate::unpack;
use crate::state::{Source, SpoolFile};

/// Bytes that are unpacked or written at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// An index that is ready to be put.
pub(super) struct ToPutBeside {
    key: Key,
    content: SpoolFile,
}

/// Makes the index of a file that symbolication could look for.
pub(super) async fn make(state: &State, source: &Source, file: &ToPut) -> Option<ToPutBeside> {
    let path = index_path(&file.path)?;
    let key = source.key(&match state.settings.own.symbol_file_prefix.as_str() {
        "" => path,
        prefix => format!("{prefix}/{path}"),
    })?;
    match make_from(state, file).await {
        Ok(content) => content.map(|content| ToPutBeside { key, content }),
        Err(error) => {
            index::note_failure(&file.key, &error);
            None
        }
    }
}

/// Returns where the index of a file belongs, when the file is one that symbolication reads.
fn index_path(path: &SymbolPath) -> Option<String> {
    let key = ModuleKey::parse(&path.module, &path.debug_id)?;
    let stored = SymbolPath::clone(path).key("");
    (stored == key.store_path()).then(|| key.index_path())
}

/// Reads the file as it is going to be stored. Nothing: it is no symbol file, which is no failure.
async fn make_from(state: &State, file: &ToPut) -> Result<Option<SpoolFile>> {
    let (out, draft) = state.spool.file()?;
    let content = File::open(file.content.path())
        .map_err(|e| Error::internal("the spool is gone").with_source(e))?;
    let is_packed = file.row.is_compressed;
    let limits = index::limits(&state.settings.own);
    let job = move || {
        let mut writer = BufWriter::with_capacity(CHUNK_BYTES, &out);
        let made = unpack(BufReader::with_capacity(CHUNK_BYTES, content), is_packed)
            .map_err(|e| BuildError::File(e.into()))
            .and_then(|file| index::make(file, &mut writer, limits));
        match made {
            Ok(_) => writer
                .flush()
                .map(|()| true)
                .map_err(|e| Error::internal("the spool cannot be used").with_source(e)),
            Err(BuildError::File(error)) => {
                tracing::info!(%error, "an uploaded file has no index");
                Ok(false)
            }
            Err(error) => Err(Error::internal("no index").with_source(error)),
        }
    };
    let is_made = state.upload_pool.run(job).await?;
    Ok(is_made.then_some(draft))
}

impl ToPutBeside {
    /// Puts the index beside the version of the file that has this tag.
    pub(super) async fn put(self, source: &Source, file_etag: &str) {
        let body = Body::File(self.content.path().to_owned());
        if let Err(error) = index::put(source, &self.key, body, file_etag).await {
            index::note_failure(self.key.as_str(), &error);
        }
    }
}
