// SPDX-License-Identifier: MPL-2.0
//! Checks every byte of an index, for people and for tests.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

use super::body::{self, Levels, Rows};
use super::error::{IndexError, Part};
use super::format::{HEAD_BYTES, check_head};
use super::page::Page;
use super::root::PageKind;
use super::{Index, ReadAt};
use crate::number::{narrow, wide};

/// Reads a whole index and checks it: first bytes, root, last bytes, and every page.
///
/// # Errors
/// The first thing that is not as it was written.
pub fn verify(source: &(impl ReadAt + ?Sized)) -> Result<Index, IndexError> {
    let size = source.size()?;
    if size < HEAD_BYTES {
        return Err(IndexError::NoIndex);
    }
    check_head(&source.read_at(0..HEAD_BYTES)?)?;
    let index = Index::open(source)?;
    for number in 0..narrow(index.page_count()) {
        let damaged = || IndexError::damaged(Part::Page(number));
        let entry = index.page(number).ok_or_else(damaged)?;
        let packed = source.read_at(entry.offset..entry.offset + u64::from(entry.packed_bytes))?;
        let page = index.unpack(number, &packed)?;
        if !is_sound(&page, entry.kind) {
            return Err(damaged());
        }
    }
    Ok(index)
}

/// Returns the size and the hash of a symbol file, as [`Index::file_bytes`] and
/// [`Index::file_hash`] tell them.
///
/// # Errors
/// The file cannot be read.
pub fn hash(mut file: impl Read) -> io::Result<(u64, u128)> {
    let mut hash = Xxh3::new();
    let mut chunk = vec![0; 1 << 20];
    let mut bytes = 0u64;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hash.digest128())),
            Ok(read) => {
                hash.update(chunk.get(..read).unwrap_or_default());
                bytes = bytes.saturating_add(wide(read));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Tells whether the bodies of a page can be read.
fn is_sound(page: &Page, kind: PageKind) -> bool {
    match kind {
        PageKind::Functions => (0..page.len()).all(|entry| {
            let body = page.body(entry).unwrap_or_default();
            match body::rows(body, 0) {
                Some(Rows::Here(levels)) => levels.is_whole(),
                Some(Rows::None | Rows::Before(_)) => page.name(entry).is_some(),
                None => false,
            }
        }),
        PageKind::Part => Levels::of_part(page.bodies()).is_some_and(|levels| levels.is_whole()),
        PageKind::Publics | PageKind::Names => !page.has_bodies(),
    }
}
