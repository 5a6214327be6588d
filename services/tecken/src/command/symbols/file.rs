// SPDX-License-Identifier: MPL-2.0
//! Files that people have: indexes, symbol files, and packed symbol files.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use releng_common::{Error, Result};
use releng_symbols::index::is_index;
use releng_symbols::parse::Limits;

/// A file, by what it begins with.
pub(super) enum Input {
    Index(File),
    /// A symbol file, unpacked if it was packed, at its beginning.
    Text(File),
}

impl Input {
    /// Opens a file; unpacks it into a nameless one if need be.
    ///
    /// # Errors
    /// It cannot be read, its compression is bad, or it is too large unpacked.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let mut file = File::open(path).map_err(|e| disk(path, e))?;
        let mut head = Vec::new();
        (&file)
            .take(8)
            .read_to_end(&mut head)
            .and_then(|_| file.rewind())
            .map_err(|e| disk(path, e))?;
        if is_index(&head) {
            return Ok(Self::Index(file));
        }
        if head.starts_with(&[0x1f, 0x8b]) {
            return unpack(path, file, limits).map(Self::Text);
        }
        Ok(Self::Text(file))
    }
}

fn unpack(path: &Path, file: File, limits: &Limits) -> Result<File> {
    let mut out = tempfile::tempfile().map_err(|e| disk(path, e))?;
    let packed = MultiGzDecoder::new(BufReader::with_capacity(1 << 20, file));
    // One byte more than allowed tells what is too large from what is not.
    let limit = limits.file_bytes.saturating_add(1);
    let mut writer = io::BufWriter::with_capacity(1 << 20, &out);
    let copied = io::copy(&mut packed.take(limit), &mut writer).map_err(|e| disk(path, e))?;
    writer.flush().map_err(|e| disk(path, e))?;
    drop(writer);
    if copied == limit {
        return Err(Error::internal(format!(
            "{}: the symbol file exceeds the limit of {} bytes (SYMBOL_MAX_BYTES)",
            path.display(),
            limits.file_bytes
        )));
    }
    out.rewind().map_err(|e| disk(path, e))?;
    Ok(out)
}

/// The error for a file that cannot be read or written.
pub(super) fn disk(path: &Path, error: io::Error) -> Error {
    Error::internal(format!("{}: {error}", path.display()))
}

/// Where the index of a symbol file goes: `demo.symx1` for `demo.sym` and `demo.sym.gz`.
pub(super) fn index_path(path: &Path) -> PathBuf {
    let mut stem = path.to_owned();
    for extension in ["gz", "sym"] {
        if stem.extension().is_some_and(|e| e == extension) {
            stem.set_extension("");
        }
    }
    let mut name = stem.into_os_string();
    name.push(".symx1");
    name.into()
}

/// Reads all of a file from its beginning.
pub(super) fn whole(file: &File) -> impl Read + Send + '_ {
    use std::os::unix::fs::FileExt as _;
    struct Whole<'a>(&'a File, u64);
    impl Read for Whole<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read_at(buffer, self.1)?;
            self.1 += u64::try_from(read).unwrap_or_default();
            Ok(read)
        }
    }
    Whole(file, 0)
}

/// Returns size and hash of a symbol file, as its index has them.
pub(super) fn hash(file: &File) -> io::Result<(u64, u128)> {
    releng_symbols::index::hash(whole(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_goes_where_the_server_puts_it() {
        for (file, expected) in [
            ("a/demo.sym", "a/demo.symx1"),
            ("libxul.so.sym", "libxul.so.symx1"),
            ("libxul.so.sym.gz", "libxul.so.symx1"),
            ("symbols", "symbols.symx1"),
        ] {
            assert_eq!(index_path(Path::new(file)), Path::new(expected));
        }
    }
}
