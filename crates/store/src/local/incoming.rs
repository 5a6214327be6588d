// SPDX-License-Identifier: MPL-2.0
//! A put on its way into a folder.

use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use releng_common::{Error, Kind, Result};

use super::fault;
use super::folders::Folders;
use super::format::Record;
use super::temporary::Temporary;
use crate::stream::{blocking, broken, next_batch, wrong_length};
use crate::{Attributes, Key, Meta};

/// What a put announces of its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    /// How many there are.
    pub(crate) length: Option<u64>,
    /// Their MD5.
    pub(crate) md5: Option<[u8; 16]>,
}

/// Bytes that have arrived. Dropped before `commit`, they leave nothing.
pub(crate) struct Received {
    temporary: Temporary,
    etag: String,
    size: u64,
    has_other_md5: bool,
}

struct Incoming {
    temporary: Temporary,
    /// The tag is BLAKE3, which takes a fraction of the time of an MD5.
    digest: blake3::Hasher,
    /// Only for who announced one.
    md5: Option<Md5>,
    size: u64,
}

impl Received {
    /// Takes a stream to its end into a temporary file.
    pub(crate) async fn from_stream<S>(
        folder: &Path,
        stream: S,
        announced: Announced,
        limit: u64,
    ) -> Result<Self>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        if announced.length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let folder = folder.to_owned();
        let mut incoming = blocking(move || {
            let temporary = Temporary::create(&folder).map_err(fault)?;
            Ok(Incoming {
                temporary,
                digest: blake3::Hasher::new(),
                md5: announced.md5.map(|_| Md5::new()),
                size: 0,
            })
        })
        .await?;
        let mut stream = stream.fuse();
        loop {
            let batch = next_batch(&mut stream).await.map_err(broken)?;
            if batch.is_empty() {
                break;
            }
            incoming = blocking(move || incoming.append(&batch, limit)).await?;
        }
        match announced.length {
            Some(length) if length != incoming.size => Err(wrong_length(length, incoming.size)),
            _ => Ok(incoming.finish(announced.md5)),
        }
    }

    /// Tells whether the bytes are not those of the MD5 that was announced.
    pub(crate) fn has_other_md5(&self) -> bool {
        self.has_other_md5
    }

    /// Returns the tag of the bytes: their BLAKE3 in hexadecimal.
    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// Makes it the object of a key. When this returns, it stays. `url_ends`: it came through a URL
    /// that ended then. `None`: the object is sealed against that URL.
    pub(crate) fn commit(
        self,
        folders: &Folders,
        key: &Key,
        attributes: Attributes,
        now: DateTime<Utc>,
        url_ends: Option<DateTime<Utc>>,
    ) -> io::Result<Option<Meta>> {
        let record = Record::new(key, self.size, self.etag, now, attributes);
        let mut file = self.temporary.file();
        file.write_all(&record.tail()?)?;
        file.sync_all()?;
        let is_placed = match url_ends {
            None => folders.place(self.temporary, key).map(|()| true),
            Some(ends) => folders.place_unless_sealed(self.temporary, key, ends.into()),
        }?;
        Ok(is_placed.then(|| record.into_meta()))
    }
}

impl Incoming {
    fn append(mut self, batch: &[Bytes], limit: u64) -> Result<Self> {
        for chunk in batch {
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.size = self.size.saturating_add(length);
            if self.size > limit {
                return Err(too_large(limit));
            }
            self.digest.update(chunk);
            if let Some(md5) = &mut self.md5 {
                md5.update(chunk);
            }
            self.temporary.file().write_all(chunk).map_err(fault)?;
        }
        Ok(self)
    }

    fn finish(self, announced_md5: Option<[u8; 16]>) -> Received {
        let md5 = self.md5.map(|md5| <[u8; 16]>::from(md5.finalize()));
        Received {
            temporary: self.temporary,
            etag: self.digest.finalize().to_hex().to_string(),
            size: self.size,
            has_other_md5: md5 != announced_md5,
        }
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the object is larger than {limit} bytes"),
    )
}
