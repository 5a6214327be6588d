// SPDX-License-Identifier: MPL-2.0
//! What is being published. An entry is written before the first byte is copied and once more when
//! all of them are on the disk; from then on the package is published to the end, whatever happens
//! to this program or to what the uploader does meanwhile.

use std::path::PathBuf;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    check::{Checked, Item},
    package::{Package, Snapshot},
};

/// A package that is being published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The package.
    pub package: Package,
    /// How far it is.
    pub stage: Stage,
    /// The timestamp that it gets.
    pub stamp: String,
    /// The folder where temporary copies lie; a service has none.
    pub target: Option<PathBuf>,
    /// The files.
    pub files: Vec<Item>,
    /// The manifest.
    #[serde(with = "bytes")]
    pub manifest: Vec<u8>,
    /// The note.
    #[serde(with = "optional_bytes")]
    pub note: Option<Vec<u8>>,
    /// What lay in the uploader's folder: this and nothing newer is cleared away at the end.
    pub snapshot: Snapshot,
    /// Whether a mail has said that it cannot be finished.
    pub is_reported: bool,
}

/// How far a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its files are being copied: after a crash the copies are removed.
    Copying,
    /// All its files are copied: after a crash the rest is done.
    Publishing,
}

impl Entry {
    /// Returns the entry of a package that is about to be copied.
    pub fn new(
        package: &Package,
        checked: &Checked,
        snapshot: &Snapshot,
        stamp: String,
        target: Option<PathBuf>,
    ) -> Self {
        Self {
            package: package.clone(),
            stage: Stage::Copying,
            stamp,
            target,
            files: checked.files.clone(),
            manifest: checked.manifest.clone(),
            note: checked.note.clone(),
            snapshot: snapshot.clone(),
            is_reported: false,
        }
    }
}

/// Returns the name that a file has in a target folder before it is published.
pub fn temporary(digest: &str) -> String {
    format!("temp{digest}")
}

mod bytes {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text);
        bytes.map_err(serde::de::Error::custom)
    }
}

mod optional_bytes {
    use super::*;

    pub fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = bytes.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes));
        text.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(|text| BASE64_STANDARD.decode(text)).transpose();
        bytes.map_err(serde::de::Error::custom)
    }
}
