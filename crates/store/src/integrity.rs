// SPDX-License-Identifier: MPL-2.0
//! Whether an object is what somebody said it is.

use futures_util::StreamExt;
use releng_common::{Error, Kind, Result};
use sha2::{Digest, Sha512};

use crate::stream::{blocking, next_batch};
use crate::{BlobStore, Key, Meta};

/// Reads an object from its first to its last byte and returns what the store knows of it and the
/// SHA-512 of the bytes in lower-case hex. `None`: the object does not exist.
///
/// Afterwards it asks the store once more, so that the digest is not of a version that somebody
/// has replaced meanwhile through a signed URL.
///
/// # Errors
/// `Conflict` when the object was replaced or removed while it was read, `Unavailable` when the
/// store cannot be asked or breaks off.
pub async fn sha512_of(store: &dyn BlobStore, key: &Key) -> Result<Option<(Meta, String)>> {
    let Some(object) = store.get(key, None).await? else {
        return Ok(None);
    };
    let meta = object.meta;
    let mut stream = object.stream.fuse();
    let mut digest = Sha512::new();
    let mut size = 0u64;
    loop {
        let batch = next_batch(&mut stream)
            .await
            .map_err(|e| Error::unavailable("the object store broke off").with_source(e))?;
        if batch.is_empty() {
            break;
        }
        let length: usize = batch.iter().map(bytes::Bytes::len).sum();
        size = size.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        digest = blocking(move || {
            for chunk in &batch {
                digest.update(chunk);
            }
            Ok(digest)
        })
        .await?;
    }
    if size != meta.size {
        return Err(Error::unavailable(
            "the object store sent fewer bytes than announced",
        ));
    }
    let after = store.head(key).await?;
    if after.as_ref().map(identity) != Some(identity(&meta)) {
        return Err(Error::new(
            Kind::Conflict,
            "the object changed while it was read",
        ));
    }
    Ok(Some((meta, hex::encode(digest.finalize()))))
}

fn identity(meta: &Meta) -> (&str, u64) {
    (&meta.etag, meta.size)
}
