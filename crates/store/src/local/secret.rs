// SPDX-License-Identifier: MPL-2.0
//! The secret of a folder, with which its URLs are signed. It is made once and lives in the folder,
//! so that URLs outlive a restart and hold for every process that shares it.

use std::fs;
use std::io::{self, Write};

use hmac::{Hmac, KeyInit};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::Sha256;

use super::folders::{Folders, sync_folder};
use super::temporary::Temporary;

const FILE_NAME: &str = "secret.key";

/// 256 random bits.
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn load_or_create(folders: &Folders) -> io::Result<Self> {
        let path = folders.root().join(FILE_NAME);
        match fs::read_to_string(&path) {
            Ok(text) => return Self::parse(&text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let mut secret = [0; 32];
        OsRng
            .try_fill_bytes(&mut secret)
            .map_err(io::Error::other)?;
        let temporary = Temporary::create(folders.temporary())?;
        temporary.file().write_all(hex::encode(secret).as_bytes())?;
        temporary.file().sync_all()?;
        match temporary.link(&path) {
            // Another process was faster; its secret counts.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
        sync_folder(folders.root())?;
        Self::parse(&fs::read_to_string(&path)?)
    }

    fn parse(text: &str) -> io::Result<Self> {
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret).map_err(|_| {
            let message = format!("{FILE_NAME} must hold 64 hexadecimal digits");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Self(secret))
    }

    /// Starts a signature.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        Hmac::new_from_slice(&self.0).expect("a key of 32 bytes")
    }
}
