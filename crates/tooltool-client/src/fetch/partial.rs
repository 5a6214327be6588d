// SPDX-License-Identifier: MPL-2.0
//! A download in progress: the bytes so far in a temporary file, and their running digest.

use std::{
    io::{self, Seek, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::{digest::Hasher, progress::FileBar, record::Expected, temporary};

/// Removed from disk when dropped, unless published.
pub(super) struct Partial {
    file: NamedTempFile,
    hasher: Hasher,
    bar: FileBar,
}

impl Partial {
    /// Makes an empty one next to `target`; the bar shows how far it is.
    pub fn new(target: &Path, bar: FileBar) -> io::Result<Self> {
        Ok(Self {
            file: temporary::file_in(target.parent().unwrap_or(Path::new(".")))?,
            hasher: Hasher::default(),
            bar,
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
        self.bar.set(self.hasher.size_bytes());
        Ok(())
    }

    /// Forgets all bytes.
    pub fn restart(&mut self) -> io::Result<()> {
        self.hasher = Hasher::default();
        self.bar.set(0);
        self.file.as_file().set_len(0)?;
        self.file.rewind()
    }

    /// Tells whether the bytes so far have the expected digest.
    pub fn is(&self, expected: &Expected) -> bool {
        self.hasher.clone().finish().0 == expected.digest
    }

    /// Gives the file its name.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        self.file.persist(target).map_err(|error| error.error)?;
        self.bar.done();
        Ok(())
    }
}
