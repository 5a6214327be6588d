// SPDX-License-Identifier: MPL-2.0
//! Where the bytes of an index come from, when they come at once: memory or a local file.
//!
//! For a source that makes one wait, such as an object store, see [`Resolve`](super::Resolve).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::number::position;

/// Bytes that can be read at any position.
pub trait ReadAt {
    /// Returns the number of bytes.
    ///
    /// # Errors
    /// The source fails.
    fn size(&self) -> io::Result<u64>;

    /// Returns the bytes of a range.
    ///
    /// # Errors
    /// The source fails, or ends before the range does.
    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>>;

    /// Returns the bytes of a range, which may be in the buffer then: that of one range serves for
    /// the next, as memory that was never used before costs as much as to unpack it.
    ///
    /// # Errors
    /// The source fails, or ends before the range does.
    fn read_with<'b>(&'b self, range: Range<u64>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        *buffer = self.read_at(range)?;
        Ok(buffer)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(crate::number::wide(self.len()))
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.read_with(range, &mut Vec::new()).map(<[u8]>::to_vec)
    }

    fn read_with<'b>(&'b self, range: Range<u64>, _: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let bytes = self.get(position(range.start)..position(range.end));
        bytes.ok_or(io::ErrorKind::UnexpectedEof.into())
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.as_slice().read_at(range)
    }

    fn read_with<'b>(&'b self, range: Range<u64>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        self.as_slice().read_with(range, buffer)
    }
}

/// Positioned reads rather than a memory map: a file that shrinks under a map kills the process,
/// and pages are copied out of it by unpacking them anyway.
impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_with(range, &mut bytes)?;
        Ok(bytes)
    }

    fn read_with<'b>(&'b self, range: Range<u64>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let length = position(range.end.saturating_sub(range.start));
        if buffer.len() < length {
            // Not both at once.
            *buffer = Vec::new();
            buffer.resize(length, 0);
        }
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        self.read_exact_at(bytes, range.start)?;
        Ok(bytes)
    }
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        (**self).read_at(range)
    }

    fn read_with<'b>(&'b self, range: Range<u64>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        (**self).read_with(range, buffer)
    }
}
