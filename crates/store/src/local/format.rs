// SPDX-License-Identifier: MPL-2.0
//! One object in one file, so that bytes and metadata can never be of different puts:
//! the bytes, then a record as JSON, then its length (32 bit, big endian), then eight letters.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Attributes, Key, Meta};

const LETTERS: &[u8; 8] = b"RELSTOR1";
const FOOTER_BYTES: usize = 12;

/// Read in one go from the end: the footer and nearly every record.
const TAIL_BYTES: usize = 4096;

/// No record is larger: keys, attributes and metadata are bounded when they come in.
const RECORD_MAX_BYTES: usize = 64 * 1024;

/// What stands behind the bytes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    key: String,
    size: u64,
    etag: String,
    last_modified_secs: i64,
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl Record {
    pub(crate) fn new(
        key: &Key,
        size: u64,
        etag: String,
        written_at: DateTime<Utc>,
        attributes: Attributes,
    ) -> Self {
        Self {
            key: key.as_str().to_owned(),
            size,
            etag,
            last_modified_secs: written_at.timestamp(),
            content_type: attributes.content_type,
            content_encoding: attributes.content_encoding,
            cache_control: attributes.cache_control,
            metadata: attributes.metadata,
        }
    }

    /// Returns what follows the bytes of the object in its file.
    pub(crate) fn tail(&self) -> io::Result<Vec<u8>> {
        let mut tail = serde_json::to_vec(self)?;
        let length = u32::try_from(tail.len()).map_err(io::Error::other)?;
        tail.extend_from_slice(&length.to_be_bytes());
        tail.extend_from_slice(LETTERS);
        Ok(tail)
    }

    pub(crate) fn into_meta(self) -> Meta {
        Meta {
            size: self.size,
            etag: self.etag,
            last_modified: DateTime::from_timestamp(self.last_modified_secs, 0).unwrap_or_default(),
            content_type: self.content_type,
            content_encoding: self.content_encoding,
            cache_control: self.cache_control,
            metadata: self.metadata,
            storage_class: None,
            website_redirect: None,
        }
    }
}

/// Reads the record of an object.
pub(crate) fn read(file: &File) -> io::Result<Record> {
    let size = file.metadata()?.len();
    let tail = read_tail(file, size, TAIL_BYTES)?;
    let length = record_length(&tail)?;
    let needed = length.saturating_add(FOOTER_BYTES);
    let tail = if needed > tail.len() {
        read_tail(file, size, needed)?
    } else {
        tail
    };
    let record = tail
        .len()
        .checked_sub(needed)
        .and_then(|start| tail.get(start..tail.len().saturating_sub(FOOTER_BYTES)))
        .ok_or_else(|| damaged("the record is cut"))?;
    let record: Record = serde_json::from_slice(record).map_err(|e| damaged(&e.to_string()))?;
    let expected = u64::try_from(needed)
        .ok()
        .and_then(|tail| record.size.checked_add(tail));
    if expected != Some(size) {
        return Err(damaged("the length does not fit the record"));
    }
    Ok(record)
}

fn read_tail(file: &File, size: u64, wanted: usize) -> io::Result<Vec<u8>> {
    let count = usize::try_from(size).map_or(wanted, |size| size.min(wanted));
    let mut tail = vec![0; count];
    let offset = size.saturating_sub(u64::try_from(count).map_err(io::Error::other)?);
    file.read_exact_at(&mut tail, offset)?;
    Ok(tail)
}

fn record_length(tail: &[u8]) -> io::Result<usize> {
    let (rest, letters) = tail
        .split_last_chunk::<8>()
        .ok_or_else(|| damaged("too short"))?;
    if letters != LETTERS {
        return Err(damaged("it does not end as an object file does"));
    }
    let (_, length) = rest
        .split_last_chunk::<4>()
        .ok_or_else(|| damaged("too short"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(io::Error::other)?;
    if length > RECORD_MAX_BYTES {
        return Err(damaged("the record is too long"));
    }
    Ok(length)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("object file is damaged: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn record(metadata_bytes: usize) -> Record {
        let metadata = BTreeMap::from([("note".to_owned(), "n".repeat(metadata_bytes))]);
        let attributes = Attributes {
            metadata,
            ..Attributes::of_type("text/plain")
        };
        let written_at = DateTime::from_timestamp(1_700_000_000, 5).unwrap();
        Record::new(
            &Key::parse("k").unwrap(),
            5,
            "e".to_owned(),
            written_at,
            attributes,
        )
    }

    fn file_of(parts: &[&[u8]]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for part in parts {
            file.write_all(part).unwrap();
        }
        file
    }

    #[test]
    fn records_of_any_length_are_read_back() {
        for metadata_bytes in [0, 3900, 4050, 9000] {
            let written = record(metadata_bytes);
            let file = file_of(&[b"12345", &written.tail().unwrap()]);
            assert_eq!(read(&file).unwrap(), written);
        }
    }

    #[test]
    fn damage_is_named_and_never_read_as_an_object() {
        let tail = record(0).tail().unwrap();
        let cases: [(&[&[u8]], &str); 5] = [
            (&[b""], "too short"),
            (
                &[b"some other file"],
                "it does not end as an object file does",
            ),
            (&[b"1234", &tail], "the length does not fit the record"),
            (&[&tail[tail.len() - 12..]], "the record is cut"),
            (&[&[255; 4], LETTERS], "the record is too long"),
        ];
        for (parts, text) in cases {
            let error = read(&file_of(parts)).unwrap_err();
            assert_eq!(error.to_string(), format!("object file is damaged: {text}"));
        }
    }
}
