// SPDX-License-Identifier: MPL-2.0
//! The fixed parts of an index: its first and last bytes.
//!
//! All numbers are little-endian. The head is `SYMX`, carriage return, line feed, 0x1a, 0x00 and
//! the format as u32, then four zero bytes. The foot is:
//!
//! | bytes | |
//! |---|---|
//! | 8 | position of the root |
//! | 4 | bytes of the root, packed |
//! | 4 | bytes of the root, unpacked |
//! | 8 | XXH3 (64 bits) of the packed root |
//! | 8 | bytes of the symbol file |
//! | 16 | XXH3 (128 bits) of the symbol file |
//! | 4 | format |
//! | 4 | zero |
//! | 8 | XXH3 (64 bits) of the 56 bytes before |
//! | 8 | `SYMXEND` and a line feed |

use xxhash_rust::xxh3::xxh3_64;

use super::error::{IndexError, Part};

/// The format that this program writes and reads. Indexes of others are made anew.
pub const FORMAT: u32 = 3;

pub(crate) const HEAD_BYTES: u64 = 16;
pub(crate) const FOOT_BYTES: usize = 72;

const MAGIC: &[u8; 8] = b"SYMX\r\n\x1a\0";
const END: &[u8; 8] = b"SYMXEND\n";

/// Tells whether bytes begin as an index of any format does.
#[must_use]
pub fn is_index(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The first bytes of an index.
pub(crate) fn head() -> Vec<u8> {
    [&MAGIC[..], &FORMAT.to_le_bytes(), &[0; 4]].concat()
}

/// The last bytes of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foot {
    pub(crate) root_offset: u64,
    pub(crate) root_bytes: u32,
    pub(crate) root_raw_bytes: u32,
    pub(crate) root_checksum: u64,
    pub(crate) file_bytes: u64,
    pub(crate) file_hash: u128,
}

impl Foot {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOT_BYTES);
        out.extend_from_slice(&self.root_offset.to_le_bytes());
        out.extend_from_slice(&self.root_bytes.to_le_bytes());
        out.extend_from_slice(&self.root_raw_bytes.to_le_bytes());
        out.extend_from_slice(&self.root_checksum.to_le_bytes());
        out.extend_from_slice(&self.file_bytes.to_le_bytes());
        out.extend_from_slice(&self.file_hash.to_le_bytes());
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out.extend_from_slice(END);
        out
    }

    /// Reads the foot from the end of an index of so many bytes.
    pub(crate) fn read(tail: &[u8], index_bytes: u64) -> Result<Self, IndexError> {
        let foot = tail.last_chunk::<FOOT_BYTES>().ok_or(IndexError::NoIndex)?;
        let Some(signed) = foot.strip_suffix(END) else {
            return Err(IndexError::NoIndex);
        };
        let (signed, checksum) = signed.split_last_chunk::<8>().ok_or(IndexError::NoIndex)?;
        if u64::from_le_bytes(*checksum) != xxh3_64(signed) {
            return Err(IndexError::damaged(Part::Foot));
        }
        let mut fields = Fields(signed);
        let foot = Self::read_fields(&mut fields).ok_or(IndexError::NoIndex)?;
        let found = fields.u32().ok_or(IndexError::NoIndex)?;
        if found != FORMAT {
            return Err(IndexError::Version {
                found,
                known: FORMAT,
            });
        }
        let end = foot.root_offset.checked_add(u64::from(foot.root_bytes));
        let fits = end.and_then(|end| end.checked_add(72)) == Some(index_bytes);
        if !fits || foot.root_offset < HEAD_BYTES {
            return Err(IndexError::NoIndex);
        }
        Ok(foot)
    }

    fn read_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            root_offset: fields.u64()?,
            root_bytes: fields.u32()?,
            root_raw_bytes: fields.u32()?,
            root_checksum: fields.u64()?,
            file_bytes: fields.u64()?,
            file_hash: u128::from_le_bytes(fields.take()?),
        })
    }
}

/// Checks the first bytes of an index.
pub(crate) fn check_head(bytes: &[u8]) -> Result<(), IndexError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(IndexError::NoIndex);
    };
    let mut fields = Fields(rest);
    let found = fields.u32().ok_or(IndexError::NoIndex)?;
    if found != FORMAT {
        return Err(IndexError::Version {
            found,
            known: FORMAT,
        });
    }
    match fields.u32() {
        Some(0) => Ok(()),
        _ => Err(IndexError::damaged(Part::Head)),
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
