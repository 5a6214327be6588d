// SPDX-License-Identifier: MPL-2.0
//! Puts: in one request when the object is small, in parts when it is not.
//!
//! An upload in parts that fails is aborted. One whose process dies or whose caller goes away
//! leaves parts that are no object; buckets need a rule that removes incomplete uploads.

use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream as SdkStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use releng_common::{Error, Result};

use super::S3Store;
use super::fault::Fault;
use super::parts::Parts;
use crate::stream::{Source, wrong_length};
use crate::{Attributes, Key};

/// What was written.
pub(super) struct Written {
    pub(super) size: u64,
    pub(super) etag: String,
}

/// An upload in parts that was begun on the server.
pub(super) struct Multipart<'a> {
    store: &'a S3Store,
    key: &'a str,
    id: String,
}

impl S3Store {
    pub(super) async fn upload(
        &self,
        key: &Key,
        source: Source,
        attributes: &Attributes,
    ) -> Result<Written> {
        let length = source.length;
        let mut parts = Parts::new(source.stream, length, self.options.part_bytes);
        let part_bytes = parts.next_bytes();
        let first = parts.next().await?;
        let first = first.map(|(_, part)| part).unwrap_or_default();
        let read = u64::try_from(first.len()).unwrap_or(u64::MAX);
        let second = if read < part_bytes {
            None
        } else {
            parts.next().await?
        };
        let Some(second) = second else {
            check_length(length, read)?;
            let etag = self.put_whole(key, first, attributes).await?;
            return Ok(Written { size: read, etag });
        };
        let create = self.multipart_request(key.as_str(), attributes);
        let multipart = Multipart::begin(self, key.as_str(), create).await?;
        let head = vec![(1, first), second];
        let sent = match multipart.send(head, parts, self.options.part_workers).await {
            Ok((size, done)) => check_length(length, size).map(|()| (size, done)),
            Err(error) => Err(error),
        };
        match sent {
            Ok((size, done)) => Ok(Written {
                size,
                etag: multipart.complete(done).await?,
            }),
            Err(error) => {
                multipart.abort().await;
                Err(error)
            }
        }
    }

    async fn put_whole(&self, key: &Key, body: Bytes, attributes: &Attributes) -> Result<String> {
        let request = self
            .writer
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .body(SdkStream::from(body))
            .set_content_type(attributes.content_type.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_metadata(Some(attributes.metadata.clone().into_iter().collect()));
        let output = Box::pin(request.send())
            .await
            .map_err(|e| Fault::new("PutObject", &self.bucket, &e).into_error())?;
        Ok(unquoted(output.e_tag()))
    }

    pub(super) fn multipart_request(
        &self,
        key: &str,
        attributes: &Attributes,
    ) -> CreateMultipartUploadFluentBuilder {
        self.writer
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .set_content_type(attributes.content_type.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_metadata(Some(attributes.metadata.clone().into_iter().collect()))
    }
}

impl<'a> Multipart<'a> {
    pub(super) async fn begin(
        store: &'a S3Store,
        key: &'a str,
        create: CreateMultipartUploadFluentBuilder,
    ) -> Result<Self> {
        let output = Box::pin(create.send())
            .await
            .map_err(|e| Fault::new("CreateMultipartUpload", &store.bucket, &e).into_error())?;
        let id = output
            .upload_id()
            .ok_or_else(|| Error::unavailable("the object store sent no upload id"))?
            .to_owned();
        Ok(Self { store, key, id })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Sends all parts, a few at a time, and returns their number of bytes and their tags.
    async fn send(
        &self,
        head: Vec<(i32, Bytes)>,
        rest: Parts,
        workers: usize,
    ) -> Result<(u64, Vec<CompletedPart>)> {
        let rest = stream::try_unfold(rest, |mut rest| async move {
            Ok(rest.next().await?.map(|part| (part, rest)))
        });
        let parts = stream::iter(head.into_iter().map(Ok)).chain(rest).boxed();
        let sent: Vec<(u64, CompletedPart)> = parts
            .map_ok(|(number, part)| self.send_part(number, part).boxed())
            .try_buffer_unordered(workers.max(1))
            .try_collect()
            .await?;
        let size = sent
            .iter()
            .fold(0u64, |sum, (size, _)| sum.saturating_add(*size));
        Ok((size, sent.into_iter().map(|(_, part)| part).collect()))
    }

    async fn send_part(&self, number: i32, part: Bytes) -> Result<(u64, CompletedPart)> {
        let size = u64::try_from(part.len()).unwrap_or(u64::MAX);
        let request = self
            .store
            .writer
            .upload_part()
            .bucket(&self.store.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .part_number(number)
            .body(SdkStream::from(part));
        let output = Box::pin(request.send())
            .await
            .map_err(|e| Fault::new("UploadPart", &self.store.bucket, &e).into_error())?;
        let done = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(output.e_tag().map(str::to_owned))
            .build();
        Ok((size, done))
    }

    /// Makes the parts an object and returns its tag; takes them back when that fails.
    pub(super) async fn complete(&self, mut parts: Vec<CompletedPart>) -> Result<String> {
        parts.sort_by_key(CompletedPart::part_number);
        let request = self
            .store
            .writer
            .complete_multipart_upload()
            .bucket(&self.store.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .customize()
            .config_override(self.store.copy_config());
        match Box::pin(request.send()).await {
            Ok(output) => Ok(unquoted(output.e_tag())),
            Err(e) => {
                let fault = Fault::new("CompleteMultipartUpload", &self.store.bucket, &e);
                self.abort().await;
                Err(fault.into_error())
            }
        }
    }

    /// Takes the parts back. What cannot be taken back stays until the bucket's own rule for
    /// incomplete uploads removes it, and is no object meanwhile.
    pub(super) async fn abort(&self) {
        let request = self
            .store
            .writer
            .abort_multipart_upload()
            .bucket(&self.store.bucket)
            .key(self.key)
            .upload_id(&self.id);
        if let Err(e) = Box::pin(request.send()).await {
            let fault = Fault::new("AbortMultipartUpload", &self.store.bucket, &e);
            tracing::warn!(%fault, "parts of a failed upload stay behind");
        }
    }
}

fn check_length(announced: Option<u64>, found: u64) -> Result<()> {
    match announced {
        Some(announced) if announced != found => Err(wrong_length(announced, found)),
        _ => Ok(()),
    }
}

/// The wire has the tag in quotes.
pub(super) fn unquoted(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}
