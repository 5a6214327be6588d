// SPDX-License-Identifier: MPL-2.0
//! Lookups and reads of objects in a bucket, and the URLs with which clients do both themselves.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream as SdkStream, DateTime as SdkTime};
use chrono::DateTime;
use futures_util::stream::{self, StreamExt};
use releng_common::{Error, Kind, Result};

use super::S3Store;
use super::fault::Fault;
use super::upload::unquoted;
use crate::expiry::check_expiry;
use crate::{Attributes, BlobStore, ByteRange, ByteStream, Key, Meta, Object, SignedUrl};

/// Both outputs have the same fields and no common type.
macro_rules! meta_of {
    ($output:expr, $size:expr) => {
        Meta {
            size: $size,
            etag: unquoted($output.e_tag()),
            last_modified: $output
                .last_modified()
                .and_then(to_seconds)
                .unwrap_or_default(),
            content_type: $output.content_type().map(str::to_owned),
            content_encoding: stored_encoding($output.content_encoding()),
            cache_control: $output.cache_control().map(str::to_owned),
            metadata: $output.metadata().map(sorted).unwrap_or_default(),
            storage_class: $output
                .storage_class()
                .map(|class| class.as_str().to_owned()),
            website_redirect: $output.website_redirect_location().map(str::to_owned),
        }
    };
}

impl S3Store {
    pub(super) async fn head_object(&self, key: &Key) -> Result<Option<Meta>> {
        let request = self
            .reader
            .head_object()
            .bucket(&self.bucket)
            .key(key.as_str());
        match Box::pin(request.send()).await {
            Ok(output) => head_meta(&output).map(Some),
            Err(e) => self
                .absent(Fault::new("HeadObject", &self.bucket, &e))
                .await
                .map(|()| None),
        }
    }

    pub(super) async fn get_object(
        &self,
        key: &Key,
        range: Option<ByteRange>,
    ) -> Result<Option<Object>> {
        if let Some(part) = range
            && part.is_never_inside()
        {
            // Servers take such a header for malformed and send the whole object.
            return match self.head_object(key).await? {
                Some(_) => Err(part.outside()),
                None => Ok(None),
            };
        }
        let request = self
            .reader
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .set_range(range.map(ByteRange::header));
        match Box::pin(request.send()).await {
            Ok(output) => opened(output).map(Some),
            Err(e) => {
                let fault = Fault::new("GetObject", &self.bucket, &e);
                match range {
                    Some(part) if fault.has_status(416) => Err(part.outside()),
                    _ => self.absent(fault).await.map(|()| None),
                }
            }
        }
    }

    /// Tells absence from faults: only when the server says that this object does not exist, in a
    /// bucket that does, nothing is there.
    async fn absent(&self, fault: Fault) -> Result<()> {
        // A public bucket that does not let everybody list hides absence behind 403.
        if self.public_base.is_some() && fault.has_status(403) {
            return Ok(());
        }
        if !fault.is_absence() {
            return Err(fault.into_error());
        }
        self.bucket_seen
            .get_or_try_init(|| async {
                match self.check().await {
                    Err(error) if error.kind() == Kind::NotFound => {
                        Err(Error::unavailable("the object store cannot be used")
                            .with_source(error))
                    }
                    // Not everybody who may read objects may ask about the bucket.
                    Ok(()) | Err(_) => Ok(()),
                }
            })
            .await
            .copied()
    }

    pub(super) async fn presign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        let timing = self.timing(expires_secs)?;
        let request = self
            .writer
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str());
        let signed = Box::pin(request.presigned(timing))
            .await
            .map_err(|e| Fault::new("presigned GetObject", &self.bucket, &e).into_error())?;
        Ok(SignedUrl::Absolute(signed.uri().to_owned()))
    }

    pub(super) async fn presign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        attributes: &Attributes,
    ) -> Result<SignedUrl> {
        let timing = self.timing(expires_secs)?;
        let request = self
            .writer
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .set_content_type(attributes.content_type.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_metadata(Some(attributes.metadata.clone().into_iter().collect()));
        let signed = Box::pin(request.presigned(timing))
            .await
            .map_err(|e| Fault::new("presigned PutObject", &self.bucket, &e).into_error())?;
        Ok(SignedUrl::Absolute(signed.uri().to_owned()))
    }

    fn timing(&self, expires_secs: u32) -> Result<PresigningConfig> {
        check_expiry(expires_secs)?;
        if self.is_anonymous {
            return Err(Error::internal("a store without credentials cannot sign"));
        }
        PresigningConfig::builder()
            .start_time(SystemTime::from(self.clock.now()))
            .expires_in(Duration::from_secs(u64::from(expires_secs)))
            .build()
            .map_err(|e| Error::internal("the life of a signed URL is refused").with_source(e))
    }
}

fn head_meta(output: &HeadObjectOutput) -> Result<Meta> {
    let size = length_of(output.content_length())?;
    Ok(meta_of!(output, size))
}

fn opened(output: GetObjectOutput) -> Result<Object> {
    let length = length_of(output.content_length())?;
    let (range, size) = match output.content_range() {
        Some(text) => parse_content_range(text)
            .ok_or_else(|| Error::unavailable("the object store sent a strange Content-Range"))?,
        None => (0..length, length),
    };
    let meta = meta_of!(output, size);
    Ok(Object {
        meta,
        range,
        stream: into_stream(output.body),
    })
}

fn length_of(length: Option<i64>) -> Result<u64> {
    length
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| Error::unavailable("the object store sent no length"))
}

/// Reads `bytes 5-9/20` as offsets and size.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (offsets, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = offsets.split_once('-')?;
    let end = last.parse::<u64>().ok()?.checked_add(1)?;
    Some((first.parse().ok()?..end, size.parse().ok()?))
}

fn into_stream(body: SdkStream) -> ByteStream {
    stream::unfold(body, |mut body| async move {
        let chunk = body.next().await?;
        Some((chunk.map_err(io::Error::other), body))
    })
    .boxed()
}

fn to_seconds(time: &SdkTime) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp(time.secs(), 0)
}

/// Some servers report the transfer coding of a streamed upload as if it were the writer's.
fn stored_encoding(encoding: Option<&str>) -> Option<String> {
    encoding
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .map(str::to_owned)
}

fn sorted(pairs: &std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_or_refused() {
        assert_eq!(parse_content_range("bytes 5-9/20"), Some((5..10, 20)));
        for text in [
            "bytes */20",
            "bytes 5-9/*",
            "5-9/20",
            "bytes 5-18446744073709551615/20",
        ] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
