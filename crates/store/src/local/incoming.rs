// SPDX-License-Identifier: MPL-2.0
//! A put on its way into a folder.

use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use releng_common::{Error, Kind, Result};
use tokio::task::JoinHandle;

use super::fault;
use super::folders::Folders;
use super::format::Record;
use super::temporary::Temporary;
use crate::stream::{blocking, broken, next_batch, wrong_length};
use crate::{Attributes, Key, Meta};

/// Arriving bytes go to the disk in parts of this size while more arrive. Left to the end, the disk of many
/// uploads at once is idle first and then what all of them wait for.
const SYNC_BYTES: u64 = 4 << 20;

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
    /// How much was there when the last part went to the disk, and that part on its way.
    synced: u64,
    syncing: Option<JoinHandle<io::Result<()>>>,
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
                synced: 0,
                syncing: None,
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
            incoming.sync_part().await?;
        }
        match length {
            Some(length) if length != incoming.size => Err(wrong_length(length, incoming.size)),
            _ => incoming.finish().await,
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

    /// Begins to bring a part to the disk, when there is one and the last has arrived.
    async fn sync_part(&mut self) -> Result<()> {
        let is_due = self.size.saturating_sub(self.synced) >= SYNC_BYTES;
        if !is_due
            || self
                .syncing
                .as_ref()
                .is_some_and(|part| !part.is_finished())
        {
            return Ok(());
        }
        self.part_synced().await?;
        let file = self.temporary.file().try_clone().map_err(fault)?;
        self.synced = self.size;
        self.syncing = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// The system tells of bytes that it could not write once only: to this part or to the sync at the end.
    async fn part_synced(&mut self) -> Result<()> {
        match self.syncing.take() {
            Some(part) => part
                .await
                .map_err(io::Error::other)
                .flatten()
                .map_err(fault),
            None => Ok(()),
        }
    }

    async fn finish(mut self) -> Result<Received> {
        self.part_synced().await?;
        let etag = hex::encode(self.digest.finalize());
        Ok(Received {
            temporary: self.temporary,
            etag,
            size: self.size,
        })
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the object is larger than {limit} bytes"),
    )
}
