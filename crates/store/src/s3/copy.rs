// SPDX-License-Identifier: MPL-2.0
//! Copies that the service makes by itself, in one request or, for large objects, in parts.

use aws_sdk_s3::types::{CompletedPart, MetadataDirective, StorageClass};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use releng_common::{Error, Kind, Result};

use super::S3Store;
use super::fault::Fault;
use super::parts::PARTS_MAX;
use super::upload::{Multipart, Written, unquoted};
use crate::url_path::encode_path;
use crate::{Key, Meta};

/// One version of an object as the source of a copy.
pub(super) struct CopySource {
    /// Bucket and key, percent-encoded.
    path: String,
    meta: Meta,
}

impl CopySource {
    pub(super) fn new(bucket: &str, full_key: &str, meta: Meta) -> Self {
        Self {
            path: encode_path(&format!("{bucket}/{full_key}")),
            meta,
        }
    }

    fn quoted_etag(&self) -> String {
        format!("\"{}\"", self.meta.etag)
    }
}

impl S3Store {
    pub(super) async fn copy_inside(&self, source: CopySource, to: &Key) -> Result<Meta> {
        let written = if source.meta.size > self.options.copy_single_max_bytes {
            self.copy_in_parts(&source, to).await?
        } else {
            self.copy_whole(&source, to).await?
        };
        Ok(self.meta_of(written, &source.meta.attributes()))
    }

    async fn copy_whole(&self, source: &CopySource, to: &Key) -> Result<Written> {
        let request = self
            .writer
            .copy_object()
            .bucket(&self.bucket)
            .key(to.as_str())
            .copy_source(&source.path)
            .copy_source_if_match(source.quoted_etag())
            .metadata_directive(MetadataDirective::Replace)
            .set_content_type(source.meta.content_type.clone())
            .set_content_encoding(source.meta.content_encoding.clone())
            .set_cache_control(source.meta.cache_control.clone())
            .set_metadata(Some(source.meta.metadata.clone().into_iter().collect()))
            .storage_class(StorageClass::Standard)
            .customize()
            .config_override(self.copy_config());
        let output = Box::pin(request.send())
            .await
            .map_err(|e| refused(Fault::new("CopyObject", &self.bucket, &e)))?;
        let etag = unquoted(
            output
                .copy_object_result()
                .and_then(|result| result.e_tag()),
        );
        Ok(Written {
            size: source.meta.size,
            etag,
        })
    }

    async fn copy_in_parts(&self, source: &CopySource, to: &Key) -> Result<Written> {
        let create = self
            .multipart_request(to.as_str(), &source.meta.attributes())
            .storage_class(StorageClass::Standard);
        let multipart = Multipart::begin(self, to.as_str(), create).await?;
        let parts: Result<Vec<CompletedPart>> =
            stream::iter(cuts(source.meta.size, self.options.copy_part_bytes))
                .map(|cut| self.copy_part(&multipart, source, to, cut).boxed())
                .buffer_unordered(self.options.part_workers.max(1))
                .try_collect()
                .await;
        match parts {
            Ok(parts) => {
                let etag = multipart.complete(parts).await?;
                Ok(Written {
                    size: source.meta.size,
                    etag,
                })
            }
            Err(error) => {
                multipart.abort().await;
                Err(error)
            }
        }
    }

    async fn copy_part(
        &self,
        multipart: &Multipart<'_>,
        source: &CopySource,
        to: &Key,
        (number, first, last): (i32, u64, u64),
    ) -> Result<CompletedPart> {
        let request = self
            .writer
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(to.as_str())
            .upload_id(multipart.id())
            .part_number(number)
            .copy_source(&source.path)
            .copy_source_if_match(source.quoted_etag())
            .copy_source_range(format!("bytes={first}-{last}"))
            .customize()
            .config_override(self.copy_config());
        let output = Box::pin(request.send())
            .await
            .map_err(|e| refused(Fault::new("UploadPartCopy", &self.bucket, &e)))?;
        let etag = output.copy_part_result().and_then(|result| result.e_tag());
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(etag.map(str::to_owned))
            .build())
    }
}

fn refused(fault: Fault) -> Error {
    if fault.has_status(412) {
        return Error::new(Kind::Conflict, "the object changed while it was copied")
            .with_source(fault);
    }
    fault.into_error()
}

/// Returns number, first and last offset of the parts of an object.
fn cuts(size: u64, part_bytes: u64) -> impl Iterator<Item = (i32, u64, u64)> {
    let step = part_bytes.max(size.div_ceil(PARTS_MAX)).max(1);
    (0..size.div_ceil(step)).map(move |index| {
        let first = index.saturating_mul(step);
        let last = first.saturating_add(step).min(size).saturating_sub(1);
        (
            i32::try_from(index.saturating_add(1)).unwrap_or(i32::MAX),
            first,
            last,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuts_of_an_object_cover_it_once() {
        assert_eq!(
            cuts(10, 4).collect::<Vec<_>>(),
            [(1, 0, 3), (2, 4, 7), (3, 8, 9)]
        );
        assert_eq!(cuts(8, 4).collect::<Vec<_>>(), [(1, 0, 3), (2, 4, 7)]);
        assert_eq!(cuts(25_000, 1).count(), 8334);
    }
}
