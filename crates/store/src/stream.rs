// SPDX-License-Identifier: MPL-2.0
//! Bytes between files, stores and clients, in pieces whose size is bounded, with blocking work
//! kept off the async workers.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt};
use releng_common::{Error, Result};

use crate::{Body, ByteStream};

/// Bytes that are read from a file, hashed or written to one in one go on a blocking thread:
/// enough to hide the hop, little enough to hold for each of many transfers.
pub(crate) const BATCH_BYTES: usize = 512 * 1024;

/// Runs work that would block a worker.
pub(crate) async fn blocking<T, F>(job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(job)
        .await
        .map_err(|e| Error::internal("a blocking job of the store failed").with_source(e))?
}

/// Returns the error for a body that breaks off.
pub(crate) fn broken(cause: io::Error) -> Error {
    Error::unavailable("the body of the object broke off").with_source(cause)
}

/// Returns the error for a body that is not as long as announced.
pub(crate) fn wrong_length(announced: u64, found: u64) -> Error {
    Error::invalid(format!(
        "the body has {found} bytes, {announced} were announced"
    ))
}

/// A body in one form.
pub(crate) struct Source {
    pub(crate) stream: ByteStream,
    pub(crate) length: Option<u64>,
}

impl Source {
    /// Opens a body.
    pub(crate) async fn open(body: Body) -> Result<Self> {
        match body {
            Body::Bytes(bytes) => {
                let length = u64::try_from(bytes.len()).ok();
                let stream = stream::once(std::future::ready(Ok(bytes))).boxed();
                Ok(Self { stream, length })
            }
            Body::File(path) => {
                let (file, length) = blocking(move || {
                    let open = || {
                        let file = File::open(&path)?;
                        let length = file.metadata()?.len();
                        Ok((file, length))
                    };
                    open().map_err(|e: io::Error| {
                        Error::internal(format!("cannot read {}", path.display())).with_source(e)
                    })
                })
                .await?;
                Ok(Self {
                    stream: file_range(Arc::new(file), 0..length),
                    length: Some(length),
                })
            }
            Body::Stream { stream, length } => Ok(Self { stream, length }),
        }
    }
}

/// Returns the bytes of a part of a file. A file that has become shorter ends with an error.
pub(crate) fn file_range(file: Arc<File>, range: Range<u64>) -> ByteStream {
    stream::try_unfold((file, range), |(file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let reading = Arc::clone(&file);
        let wanted = range.clone();
        let chunk = tokio::task::spawn_blocking(move || read_batch(&reading, wanted))
            .await
            .map_err(io::Error::other)??;
        let read = u64::try_from(chunk.len()).map_err(io::Error::other)?;
        Ok(Some((
            chunk,
            (file, range.start.saturating_add(read)..range.end),
        )))
    })
    .boxed()
}

fn read_batch(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let left = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let mut chunk = BytesMut::zeroed(left.min(BATCH_BYTES));
    file.read_exact_at(&mut chunk, range.start)?;
    Ok(chunk.freeze())
}

/// Takes chunks until a batch is full. An empty batch is the end.
pub(crate) async fn next_batch<S>(stream: &mut S) -> io::Result<Vec<Bytes>>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    let mut batch = Vec::new();
    let mut size = 0usize;
    while size < BATCH_BYTES {
        match stream.next().await {
            Some(chunk) => {
                let chunk = chunk?;
                size = size.saturating_add(chunk.len());
                if !chunk.is_empty() {
                    batch.push(chunk);
                }
            }
            None => break,
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_in_batches_and_a_cut_file_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..=250).cycle().take(BATCH_BYTES + 10).collect();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let end = u64::try_from(content.len()).unwrap();
        let chunks: Vec<_> = file_range(Arc::clone(&file), 3..end).collect().await;
        let chunks: Vec<Bytes> = chunks.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            chunks.iter().map(Bytes::len).collect::<Vec<_>>(),
            [BATCH_BYTES, 7]
        );
        assert_eq!(chunks.concat(), content[3..]);

        let beyond: Vec<_> = file_range(file, end - 1..end + 1).collect().await;
        assert_eq!(beyond.len(), 1);
        assert!(beyond[0].is_err());
    }
}
