// SPDX-License-Identifier: MPL-2.0
//! Hashing and copying bytes. Both end early when the program is to stop.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
};

use tokio_util::sync::CancellationToken;

use crate::algorithm::Algorithm;

const CHUNK_BYTES: usize = 256 * 1024;

/// Why bytes did not get through.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The program is to stop.
    #[error("stopped")]
    Stopped,
    /// The source cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The destination cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
}

/// Returns the digest of a file.
///
/// # Errors
/// The file cannot be read, or the program is to stop.
pub fn digest(
    from: &mut File,
    algorithm: Algorithm,
    stop: &CancellationToken,
) -> Result<String, Broken> {
    run(from, algorithm, stop, |_| Ok(()))
}

/// Copies a file and returns the digest of what was written.
///
/// # Errors
/// A file cannot be read or written, or the program is to stop.
pub fn copy(
    from: &mut File,
    to: &mut File,
    algorithm: Algorithm,
    stop: &CancellationToken,
) -> Result<String, Broken> {
    run(from, algorithm, stop, |piece| to.write_all(piece))
}

fn run(
    from: &mut File,
    algorithm: Algorithm,
    stop: &CancellationToken,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<String, Broken> {
    let mut hasher = algorithm.hasher();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        if stop.is_cancelled() {
            return Err(Broken::Stopped);
        }
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Read(error)),
        };
        let piece = chunk.get(..count).unwrap_or_default();
        hasher.update(piece);
        write(piece).map_err(Broken::Write)?;
    }
}
