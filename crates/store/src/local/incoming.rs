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

/// Bytes that have arrived. Dropped before `commit`, they leave nothing.
pub(crate) struct Received {
    temporary: Temporary,
    etag: String,
    size: u64,
}

struct Incoming {
    temporary: Temporary,
    digest: Md5,
    size: u64,
}

impl Received {
    /// Takes a stream to its end into a temporary file.
    pub(crate) async fn from_stream<S>(
        folder: &Path,
        stream: S,
        length: Option<u64>,
        limit: u64,
    ) -> Result<Self>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let folder = folder.to_owned();
        let mut incoming = blocking(move || {
            let temporary = Temporary::create(&folder).map_err(fault)?;
            Ok(Incoming {
                temporary,
                digest: Md5::new(),
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
        match length {
            Some(length) if length != incoming.size => Err(wrong_length(length, incoming.size)),
            _ => Ok(incoming.finish()),
        }
    }

    /// Returns the MD5 of the bytes in hexadecimal, which is their tag.
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
            self.temporary.file().write_all(chunk).map_err(fault)?;
        }
        Ok(self)
    }

    fn finish(self) -> Received {
        let etag = hex::encode(self.digest.finalize());
        Received {
            temporary: self.temporary,
            etag,
            size: self.size,
        }
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the object is larger than {limit} bytes"),
    )
}
