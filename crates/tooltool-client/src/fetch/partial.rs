// SPDX-License-Identifier: MPL-2.0
//! A download in progress: the bytes so far in a temporary file, and their running digest.

use std::{
    io::{self, Seek, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use super::new_file_for;
use crate::{digest::Hasher, record::Expected};

/// Removed from disk when dropped, unless published.
pub(super) struct Partial {
    file: NamedTempFile,
    hasher: Hasher,
}

impl Partial {
    /// Makes an empty one next to `target`.
    pub fn new(target: &Path) -> io::Result<Self> {
        Ok(Self {
            file: new_file_for(target)?,
            hasher: Hasher::default(),
        })
    }

    /// Returns how many bytes are there.
    pub fn size_bytes(&self) -> u64 {
        self.hasher.size_bytes()
    }

    /// Takes the next bytes.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Forgets all bytes.
    pub fn restart(&mut self) -> io::Result<()> {
        self.hasher = Hasher::default();
        self.file.as_file().set_len(0)?;
        self.file.rewind()
    }

    /// Tells whether the bytes so far have the expected digest.
    pub fn is(&self, expected: &Expected) -> bool {
        self.hasher.clone().finish().0 == expected.digest
    }

    /// Gives the file its name.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        self.file
            .persist(target)
            .map(drop)
            .map_err(|error| error.error)
    }
}
