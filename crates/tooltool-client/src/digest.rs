// SPDX-License-Identifier: MPL-2.0
//! SHA-512 digests, the names of files in tooltool.

use std::{
    fmt,
    io::{self, Read},
};

use sha2::Digest as _;

const CHUNK_BYTES: usize = 128 * 1024;

/// A SHA-512 digest; its text form is 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha512([u8; 64]);

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sha512 digest is 128 characters of 0-9 and a-f")]
pub struct InvalidDigest;

impl Sha512 {
    /// Reads the text form. Upper case is refused because servers compare exactly.
    ///
    /// # Errors
    /// The text is anything but 128 characters of `0-9a-f`.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }

    /// Hashes a stream to its end; returns the digest and the number of bytes.
    ///
    /// # Errors
    /// Whatever the reader reports.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha512({self})")
    }
}

/// A digest in the making, for bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Hasher {
    inner: sha2::Sha512,
    size_bytes: u64,
}

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.inner.update(piece);
        self.size_bytes = self
            .size_bytes
            .saturating_add(u64::try_from(piece.len()).unwrap_or(0));
    }

    /// Returns how many bytes have come so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the digest and the number of bytes.
    pub fn finish(self) -> (Sha512, u64) {
        (Sha512(self.inner.finalize().into()), self.size_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

    #[test]
    fn the_empty_stream_has_the_known_digest() {
        let (digest, size) = Sha512::of_reader(&mut io::empty()).unwrap();
        assert_eq!((digest.to_string().as_str(), size), (EMPTY, 0));
        assert_eq!(Sha512::parse(EMPTY), Ok(digest));
    }

    #[test]
    fn only_128_lower_case_hexadecimal_digits_are_a_digest() {
        for text in [
            "",
            &EMPTY[..127],
            &format!("{EMPTY}0"),
            &EMPTY.to_uppercase(),
            &format!("g{}", &EMPTY[1..]),
            &format!("{EMPTY}\n"),
            &"é".repeat(64),
        ] {
            assert_eq!(Sha512::parse(text), Err(InvalidDigest), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn pieces_hash_like_the_whole(bytes: Vec<u8>, cut in 0usize..64) {
            let cut = cut.min(bytes.len());
            let mut hasher = Hasher::default();
            hasher.update(&bytes[..cut]);
            hasher.update(&bytes[cut..]);
            proptest::prop_assert_eq!(
                hasher.finish(),
                Sha512::of_reader(&mut bytes.as_slice()).unwrap()
            );
        }
    }
}
