// SPDX-License-Identifier: MPL-2.0
//! The digest algorithms that a manifest may name.

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// A digest algorithm. Today's manifests have SHA-512; the others are what old ones may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5, 32 digits.
    Md5,
    /// SHA-1, 40 digits.
    Sha1,
    /// SHA-224, 56 digits.
    Sha224,
    /// SHA-256, 64 digits.
    Sha256,
    /// SHA-384, 96 digits.
    Sha384,
    /// SHA-512, 128 digits.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 6] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Finds an algorithm by the name that manifests use.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Returns the name that manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns how many hexadecimal digits a digest has.
    pub fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha224 => 56,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// Tells whether a text is a digest of this algorithm. It becomes the name of a file, so
    /// nothing but lower-case digits will do.
    pub fn is_digest(self, text: &str) -> bool {
        text.len() == self.digits() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// Begins a digest.
    pub fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Hasher::Md5(Md5::new()),
            Self::Sha1 => Hasher::Sha1(Sha1::new()),
            Self::Sha224 => Hasher::Sha224(Sha224::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha384 => Hasher::Sha384(Sha384::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }
}

/// A digest in the making.
#[derive(Clone)]
pub enum Hasher {
    /// See [`Algorithm::Md5`].
    Md5(Md5),
    /// See [`Algorithm::Sha1`].
    Sha1(Sha1),
    /// See [`Algorithm::Sha224`].
    Sha224(Sha224),
    /// See [`Algorithm::Sha256`].
    Sha256(Sha256),
    /// See [`Algorithm::Sha384`].
    Sha384(Sha384),
    /// See [`Algorithm::Sha512`].
    Sha512(Sha512),
}

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Md5(inner) => inner.update(piece),
            Self::Sha1(inner) => inner.update(piece),
            Self::Sha224(inner) => inner.update(piece),
            Self::Sha256(inner) => inner.update(piece),
            Self::Sha384(inner) => inner.update(piece),
            Self::Sha512(inner) => inner.update(piece),
        }
    }

    /// Returns the digest in hexadecimal.
    pub fn finish(self) -> String {
        match self {
            Self::Md5(inner) => hex::encode(inner.finalize()),
            Self::Sha1(inner) => hex::encode(inner.finalize()),
            Self::Sha224(inner) => hex::encode(inner.finalize()),
            Self::Sha256(inner) => hex::encode(inner.finalize()),
            Self::Sha384(inner) => hex::encode(inner.finalize()),
            Self::Sha512(inner) => hex::encode(inner.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_has_the_digest_that_the_world_knows() {
        // Of "abc", from FIPS 180 and RFC 1321.
        for (algorithm, beginning) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha224,
                "23097d223405d8228642a477bda255b32aadbce4",
            ),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a3",
            ),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e",
            ),
        ] {
            let mut hasher = algorithm.hasher();
            hasher.update(b"a");
            hasher.update(b"bc");
            let digest = hasher.finish();
            assert!(digest.starts_with(beginning), "{algorithm:?}: {digest}");
            assert!(algorithm.is_digest(&digest), "{algorithm:?}");
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::named("SHA512"), None);
    }

    #[test]
    fn a_digest_is_no_path() {
        let good = "0".repeat(40);
        assert!(Algorithm::Sha1.is_digest(&good));
        for bad in [
            "",
            "..",
            &"0".repeat(39),
            &"0".repeat(41),
            &"A".repeat(40),
            &format!("../{}", "0".repeat(37)),
            &format!("{}\n", "0".repeat(39)),
        ] {
            assert!(!Algorithm::Sha1.is_digest(bad), "{bad:?}");
        }
    }
}
