// SPDX-License-Identifier: MPL-2.0
//! Copies that go through this process, where no store can do them by itself.

use releng_common::Result;

use crate::{BlobStore, Body, Key, Meta};

/// Reads an object from one store and writes it to another with the same attributes.
pub(crate) async fn copy_bytes(
    source: &dyn BlobStore,
    from: &Key,
    target: &dyn BlobStore,
    to: &Key,
) -> Result<Option<Meta>> {
    let Some(object) = source.get(from, None).await? else {
        return Ok(None);
    };
    let attributes = object.meta.attributes();
    let body = Body::Stream {
        stream: object.stream,
        length: Some(object.meta.size),
    };
    target.put(to, body, &attributes).await.map(Some)
}
