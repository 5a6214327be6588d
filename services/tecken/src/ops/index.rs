// SPDX-License-Identifier: MPL-2.0
//! Index objects beside symbol files in stores (D-55). An index names the tag of the very object that
//! it was made from. Whoever reads it compares that with the symbol file that stands there now, so
//! it does not matter in which order files and indexes of several uploads arrive, or which of them
//! never does: an index of another version is as good as none.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt as _;
use releng_common::{Error, Result};
use releng_store::{Attributes, Body, Key, Meta};
use releng_symbols::index::{BuildError, BuildOptions, Built, FORMAT, build};
use releng_symbols::parse::Limits;
use tokio_util::io::ReaderStream;

use crate::settings::Own;
use crate::state::Source;

/// Metadata of an index object: the tag of its symbol file's object.
const FILE_ETAG: &str = "symbol_file_etag";
/// Metadata of an index object: its format, for those who do not read the index itself.
const INDEX_FORMAT: &str = "symbol_index_format";
/// Longest time to put an index. A store that hangs must not hold what waits for it.
const PUT_TIMEOUT: Duration = Duration::from_secs(300);
/// Bytes that are read of an index at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Tells whether an index object was made from the version of a symbol file that has this tag.
pub(super) fn is_of(index: &Meta, file_etag: &str) -> bool {
    !file_etag.is_empty() && index.metadata.get(FILE_ETAG).map(String::as_str) == Some(file_etag)
}

/// Tells whether an index object is one that this version would make of that version of a symbol file.
pub(super) fn is_current(index: &Meta, file_etag: &str) -> bool {
    let format = index.metadata.get(INDEX_FORMAT);
    is_of(index, file_etag) && format.is_some_and(|format| *format == FORMAT.to_string())
}

/// Puts an index beside the version of a symbol file that has this tag.
pub(super) async fn put(source: &Source, key: &Key, body: Body, file_etag: &str) -> Result<()> {
    if file_etag.is_empty() {
        return Err(Error::internal(
            "the store gives no tags to tie an index to",
        ));
    }
    let attributes = Attributes {
        metadata: [
            (FILE_ETAG.to_owned(), file_etag.to_owned()),
            (INDEX_FORMAT.to_owned(), FORMAT.to_string()),
        ]
        .into(),
        ..Attributes::of_type("application/octet-stream")
    };
    tokio::time::timeout(PUT_TIMEOUT, source.store.put(key, body, &attributes))
        .await
        .map_err(|_| Error::unavailable("a store of symbols does not answer"))??;
    metrics::counter!("tecken.symbol_index_put").increment(1);
    Ok(())
}

/// Returns an open file as a body of so many bytes.
///
/// # Errors
/// The disk refuses.
pub(super) fn body_of(mut file: File, length: u64) -> io::Result<Body> {
    file.rewind()?;
    let file = tokio::fs::File::from_std(file);
    Ok(Body::Stream {
        stream: ReaderStream::with_capacity(file, CHUNK_BYTES).boxed(),
        length: Some(length),
    })
}

/// Counts and logs an index that was not made or not stored; nothing else comes of it.
pub(super) fn note_failure(key: &str, error: &Error) {
    metrics::counter!("tecken.symbol_index_failed").increment(1);
    tracing::warn!(key, error = error.chain(), "no symbol index was stored");
}

/// Returns what a symbol file may cost.
pub(super) fn limits(own: &Own) -> Limits {
    Limits {
        file_bytes: own.symbol_max.0,
        ..Limits::default()
    }
}

/// Makes an index on all cores. Blocks.
pub(super) fn make(
    file: impl Read + Send,
    out: impl Write + Send,
    limits: Limits,
) -> Result<Built, BuildError> {
    let options = BuildOptions {
        limits,
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        ..BuildOptions::default()
    };
    let built = build(file, out, &options)?;
    metrics::counter!("tecken.symbol_index_made").increment(1);
    Ok(built)
}
