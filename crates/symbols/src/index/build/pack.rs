// SPDX-License-Identifier: MPL-2.0
//! Packs pages and writes the index front to back.

use std::io::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::merge::FullPage;
use crate::index::error::BuildError;
use crate::index::format::{Foot, HEAD_BYTES, head};
use crate::index::pack::pack;
use crate::index::root::{PageEntry, PageKind, Root};
use crate::number::{narrow, wide};

/// A page as it is written.
#[derive(Debug)]
pub(crate) struct PackedPage {
    kind: PageKind,
    bounds: (u64, u64),
    raw_bytes: u32,
    checksum: u64,
    bytes: Vec<u8>,
}

impl PackedPage {
    pub(crate) fn new(page: &FullPage) -> Self {
        let (bytes, raw_bytes) = page.parts.write(&page.used);
        Self {
            kind: page.kind,
            bounds: page.bounds(),
            raw_bytes: narrow(raw_bytes),
            checksum: xxh3_64(&bytes),
            bytes,
        }
    }
}

/// Writes an index.
pub(crate) struct IndexWriter<W> {
    sink: W,
    written: u64,
    pub(crate) root: Root,
}

impl<W: Write> IndexWriter<W> {
    pub(crate) fn new(mut sink: W) -> Result<Self, BuildError> {
        sink.write_all(&head()).map_err(BuildError::Write)?;
        Ok(Self {
            sink,
            written: HEAD_BYTES,
            root: Root::default(),
        })
    }

    pub(crate) fn page(&mut self, page: &PackedPage) -> Result<(), BuildError> {
        self.sink
            .write_all(&page.bytes)
            .map_err(BuildError::Write)?;
        self.root.pages.push(PageEntry {
            kind: page.kind,
            first: page.bounds.0,
            last: page.bounds.1,
            offset: self.written,
            packed_bytes: narrow(page.bytes.len()),
            raw_bytes: page.raw_bytes,
            checksum: page.checksum,
        });
        self.written += wide(page.bytes.len());
        Ok(())
    }

    /// Writes root and foot; returns the size of the index.
    pub(crate) fn finish(mut self, file: (u64, u128)) -> Result<u64, BuildError> {
        let raw = self.root.write();
        let mut packed = Vec::new();
        pack(&raw, &mut packed);
        let foot = Foot {
            root_offset: self.written,
            root_bytes: narrow(packed.len()),
            root_raw_bytes: narrow(raw.len()),
            root_checksum: xxh3_64(&packed),
            file_bytes: file.0,
            file_hash: file.1,
        };
        self.sink.write_all(&packed).map_err(BuildError::Write)?;
        let foot = foot.write();
        self.sink.write_all(&foot).map_err(BuildError::Write)?;
        self.sink.flush().map_err(BuildError::Write)?;
        Ok(self.written + wide(packed.len() + foot.len()))
    }
}
