// SPDX-License-Identifier: MPL-2.0
//! Finding out what kind of archive a file is: by its contents, except for zstandard tars, which
//! go by their name.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek},
    path::Path,
};

use zip::ZipArchive;

use super::tree::Kind;

const BLOCK_BYTES: usize = 512;
const CHECKSUM_FIELD: std::ops::Range<usize> = 148..156;

/// An opened archive.
pub(super) enum Format {
    /// The decompressed tar stream.
    Tar(Box<dyn Read>),
    /// The zip file.
    Zip(File),
    /// Nothing we know.
    Unknown,
}

impl Format {
    /// Returns the word for messages.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Zip(_) => Kind::Zip,
            Self::Tar(_) | Self::Unknown => Kind::Tar,
        }
    }
}

/// Opens an archive.
pub(super) fn detect(path: &Path) -> io::Result<Format> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    (&mut file).take(6).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
        return Ok(Format::Zip(file));
    }
    if path.as_os_str().as_encoded_bytes().ends_with(b".tar.zst") && is_zstandard(&magic) {
        return Ok(Format::Tar(Box::new(zstd::stream::read::Decoder::new(
            file,
        )?)));
    }
    let file = BufReader::new(file);
    let mut reader: Box<dyn Read> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if magic.starts_with(b"BZh") {
        Box::new(bzip2::bufread::MultiBzDecoder::new(file))
    } else if magic.starts_with(b"\xfd7zXZ\0") {
        Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file))
    } else {
        Box::new(file)
    };
    let mut block = Vec::new();
    (&mut reader).take(512).read_to_end(&mut block)?;
    if !is_tar_block(&block) {
        return zip_by_its_end(path);
    }
    Ok(Format::Tar(Box::new(Cursor::new(block).chain(reader))))
}

/// A frame of data, or one of those to be skipped, with which parallel compressors begin.
fn is_zstandard(magic: &[u8]) -> bool {
    magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What a zip holds is told at its end: a self-extracting one begins with a program.
fn zip_by_its_end(path: &Path) -> io::Result<Format> {
    let file = File::open(path)?;
    Ok(match ZipArchive::new(BufReader::new(&file)) {
        Ok(_) => Format::Zip(file),
        Err(_) => Format::Unknown,
    })
}

/// A tar begins with a header whose bytes add up to the checksum inside, or, if it is empty, with
/// a block of zeros.
fn is_tar_block(block: &[u8]) -> bool {
    if block.len() != BLOCK_BYTES {
        return false;
    }
    if block.iter().all(|byte| *byte == 0) {
        return true;
    }
    let sum: u32 = (0..)
        .zip(block)
        .map(|(at, byte)| {
            if CHECKSUM_FIELD.contains(&at) {
                u32::from(b' ')
            } else {
                (*byte).into()
            }
        })
        .sum();
    let field = block.get(CHECKSUM_FIELD).unwrap_or_default();
    let text = String::from_utf8_lossy(field);
    let digits = text.trim_matches(['\0', ' ']);
    u32::from_str_radix(digits, 8) == Ok(sum)
}
