// SPDX-License-Identifier: MPL-2.0
//! The index of a symbol file: everything that lookups need, in pages that are packed, checked and
//! read one by one, so that an answer from an object store takes a few ranges of it.
//!
//! [`build`] makes one, [`Index`] reads one, [`Resolve`] finds the pages of some addresses, and
//! [`Resolved`] answers. The format is described in the book, ADR 13.
//!
//! ```text
//! head   magic, format
//! pages  functions by address, those with rows of very large ones before them, public symbols,
//!        shared names
//! root   of each page: kind, first and last start, length, checksum
//! foot   where the root is, its checksum, size and hash of the symbol file, format, magic
//! ```

mod answers;
mod body;
mod build;
mod cache;
mod error;
mod format;
mod names;
mod pack;
mod page;
mod resolve;
mod resolved;
mod root;
mod rows;
mod search;
mod source;
mod symbols;
mod varint;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::header::Header;
use crate::number::{index, narrow, position, wide};

pub use build::{BuildOptions, Built, build};
pub use cache::{CacheUsage, PageCache};
pub use error::{BuildError, IndexError, Part};
use format::{FOOT_BYTES, Foot, HEAD_BYTES};
pub use format::{FORMAT, is_index};
use pack::unpack;
use page::Page;
pub use resolve::{Detail, Resolve};
pub use resolved::Resolved;
pub use root::{Counts, PageSum};
use root::{PageEntry, PageKind, Root};
use search::{Near, Run};
pub use source::ReadAt;
pub use symbols::Symbols;
pub use verify::{hash, verify};

/// How much of the end of an index to read first: the root of most fits.
pub const TAIL_BYTES: u64 = 16 << 10;

/// The root of an index, read and checked.
#[derive(Debug)]
pub struct Index {
    /// Tells indexes apart in the cache; no two of a process have the same.
    id: u64,
    index_bytes: u64,
    file_bytes: u64,
    file_hash: u128,
    root: Root,
    functions: Run,
    publics: Run,
    names: Run,
}

/// What the end of an index gave.
#[derive(Debug)]
pub enum Opened {
    /// The index.
    Index(Box<Index>),
    /// The end has to be read again, with so many bytes.
    More {
        /// Bytes from the end.
        tail_bytes: u64,
    },
}

impl Index {
    /// Reads the root from the last bytes of an index of so many bytes.
    ///
    /// # Errors
    /// The bytes are not the end of an index of that size, of this format, undamaged.
    pub fn from_tail(tail: &[u8], index_bytes: u64) -> Result<Opened, IndexError> {
        let foot = Foot::read(tail, index_bytes)?;
        let wanted = u64::from(foot.root_bytes) + wide(FOOT_BYTES);
        let Some(start) = wide(tail.len()).checked_sub(wanted) else {
            return Ok(Opened::More { tail_bytes: wanted });
        };
        let start = position(start);
        let packed = tail
            .get(start..start + index(foot.root_bytes))
            .unwrap_or_default();
        if xxh3_64(packed) != foot.root_checksum {
            return Err(IndexError::damaged(Part::Root));
        }
        let raw = unpack(packed, foot.root_raw_bytes).ok_or(IndexError::damaged(Part::Root))?;
        let root = Root::read(&raw, HEAD_BYTES)?;
        let end = root.pages.last().map_or(HEAD_BYTES, |page| {
            page.offset + u64::from(page.packed_bytes)
        });
        if end != foot.root_offset {
            return Err(IndexError::damaged(Part::Root));
        }
        Ok(Opened::Index(Box::new(Self::new(root, &foot, index_bytes))))
    }

    /// Reads the root of an index at hand.
    ///
    /// # Errors
    /// The source fails, or what it has is no index.
    pub fn open(source: &(impl ReadAt + ?Sized)) -> Result<Self, IndexError> {
        let size = source.size()?;
        let mut tail_bytes = TAIL_BYTES;
        loop {
            let tail = source.read_at(size.saturating_sub(tail_bytes)..size)?;
            match Self::from_tail(&tail, size)? {
                Opened::Index(index) => return Ok(*index),
                Opened::More { tail_bytes: more } if more > tail_bytes && more <= size => {
                    tail_bytes = more
                }
                Opened::More { .. } => return Err(IndexError::NoIndex),
            }
        }
    }

    /// Finds the symbols of addresses in an index at hand.
    ///
    /// # Errors
    /// The source fails, or a page is damaged.
    pub fn resolve(
        self: &Arc<Self>,
        source: &(impl ReadAt + ?Sized),
        cache: &PageCache,
        addresses: &[u64],
        detail: Detail,
    ) -> Result<Resolved, IndexError> {
        let mut resolve = Resolve::new(Arc::clone(self), cache, addresses, detail);
        let mut buffer = Vec::new();
        while !resolve.wanted().is_empty() {
            resolve.supply_from(cache, source, &mut buffer)?;
        }
        Ok(resolve.finish())
    }

    /// Returns what the symbol file's `MODULE` and `INFO CODE_ID` records say.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.root.header
    }

    /// Returns how much is in the index.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.root.counts
    }

    /// Returns the size of the index in bytes.
    #[must_use]
    pub fn index_bytes(&self) -> u64 {
        self.index_bytes
    }

    /// Returns the size of the symbol file in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Returns the XXH3 (128 bits) of the symbol file.
    #[must_use]
    pub fn file_hash(&self) -> u128 {
        self.file_hash
    }

    /// Returns the number of pages.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.root.pages.len()
    }

    /// Returns what the pages of each kind take.
    #[must_use]
    pub fn page_sums(&self) -> Vec<PageSum> {
        let sum = |kind: PageKind| {
            let mut sum = PageSum {
                name: kind.name(),
                pages: 0,
                packed_bytes: 0,
                raw_bytes: 0,
            };
            for page in self.root.pages.iter().filter(|page| page.kind == kind) {
                sum.pages += 1;
                sum.packed_bytes += u64::from(page.packed_bytes);
                sum.raw_bytes += u64::from(page.raw_bytes);
            }
            sum
        };
        PageKind::ALL.map(sum).to_vec()
    }

    /// Returns how much memory this takes, without pages in a cache.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let runs =
            self.functions.memory_bytes() + self.publics.memory_bytes() + self.names.memory_bytes();
        size_of::<Self>() + self.root.pages.len() * size_of::<PageEntry>() + position(runs)
    }

    fn new(root: Root, foot: &Foot, index_bytes: u64) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            index_bytes,
            file_bytes: foot.file_bytes,
            file_hash: foot.file_hash,
            functions: Run::new(&root.pages, PageKind::Functions),
            publics: Run::new(&root.pages, PageKind::Publics),
            names: Run::new(&root.pages, PageKind::Names),
            root,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn page(&self, number: u32) -> Option<&PageEntry> {
        self.root.pages.get(index(number))
    }

    /// Passes on the pages in which the symbol of an address may be, and whether they hold
    /// functions.
    #[inline]
    pub(crate) fn candidates(&self, near: &mut Near, address: u64, visit: impl FnMut(u32, bool)) {
        search::candidates(&self.functions, &self.publics, near, address, visit);
    }

    /// Where the page has a very large function, the page with its rows about an address.
    pub(crate) fn part(&self, page: u32, address: u64) -> Option<u32> {
        let is_part = |page: &PageEntry| page.kind == PageKind::Part;
        let before = self.root.pages.get(..index(page))?;
        if !before.last().is_some_and(is_part) {
            return None;
        }
        // There can be tens of thousands. In a file that is not in order this may find another page:
        // that costs a read more.
        let count = before.partition_point(|page| !is_part(page) || page.first <= address);
        let at = count.checked_sub(1)?;
        before.get(at).filter(|page| is_part(page))?;
        Some(narrow(at))
    }

    /// The page of a shared name, and its place in there.
    #[inline]
    pub(crate) fn names_page(&self, number: u32) -> Option<(u32, u32)> {
        let (page, first) = self.names.holding(u64::from(number))?;
        let place = u64::from(number).checked_sub(first)?;
        Some((page, u32::try_from(place).ok()?))
    }

    /// Checks and unpacks the bytes of a page.
    pub(crate) fn unpack(&self, number: u32, packed: &[u8]) -> Result<Page, IndexError> {
        self.unpack_page(number, packed)
            .ok_or(IndexError::damaged(Part::Page(number)))
    }

    fn unpack_page(&self, number: u32, packed: &[u8]) -> Option<Page> {
        let entry = self.page(number)?;
        if xxh3_64(packed) != entry.checksum {
            return None;
        }
        Page::read(packed, entry.first)
    }
}
