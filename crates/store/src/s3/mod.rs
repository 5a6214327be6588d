// SPDX-License-Identifier: MPL-2.0
//! A store in a bucket of S3 or of a service that speaks its protocol.

mod client;
mod copy;
mod fault;
mod listing;
mod objects;
mod parts;
mod upload;

use std::fmt;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ObjectCannedAcl};
use releng_common::{Clock, Error, Result};
use tokio::sync::OnceCell;

use crate::attributes::DEFAULT_CONTENT_TYPE;
use crate::location::S3Location;
use crate::stream::Source;
use crate::transfer::copy_bytes;
use crate::url_path::encode_path;
use crate::{Attributes, BlobStore, Body, ByteRange, Key, Meta, Object, Origin, Page, SignedUrl};
pub use client::{Credentials, Options};
use copy::CopySource;
use fault::Fault;
use upload::Written;

/// Objects in a bucket. The prefix of its address is not its business: see
/// [`crate::prefixed::Prefixed`].
pub struct S3Store {
    name: String,
    bucket: String,
    region: String,
    service: String,
    is_amazon: bool,
    /// Address of the bucket for everybody, when it is public.
    public_base: Option<String>,
    /// Looks objects up; goes without a signature where the bucket is public.
    reader: Client,
    /// Does everything else.
    writer: Client,
    is_anonymous: bool,
    options: Options,
    clock: Clock,
    /// Set once the bucket was seen: a HEAD answers 404 for a missing bucket, too.
    bucket_seen: OnceCell<()>,
}

impl S3Store {
    /// Prepares a client. Nothing is sent.
    ///
    /// # Errors
    /// `InvalidInput` naming the option that breaks a rule.
    pub async fn open(location: &S3Location, options: &crate::Options) -> Result<Self> {
        let s3 = &options.s3;
        s3.check()?;
        let region = location
            .region
            .clone()
            .unwrap_or_else(|| s3.default_region.clone());
        let endpoint = location.endpoint.clone().or_else(|| s3.endpoint.clone());
        let credentials = s3.credentials_for(location);
        let writer = client::connect(s3, &credentials, &region, endpoint.as_deref()).await;
        let reader = if location.is_public {
            client::connect(s3, &Credentials::Anonymous, &region, endpoint.as_deref()).await
        } else {
            writer.clone()
        };
        let base = endpoint
            .clone()
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let bucket_url = || format!("{}/{}", base.trim_end_matches('/'), location.bucket);
        Ok(Self {
            name: options.name.clone(),
            bucket: location.bucket.clone(),
            service: format!(
                "{credentials:?} at {}",
                endpoint.as_deref().unwrap_or("Amazon")
            ),
            is_amazon: endpoint.is_none(),
            public_base: location
                .is_public
                .then(|| location.bucket_url.clone().unwrap_or_else(bucket_url)),
            reader,
            writer,
            is_anonymous: credentials == Credentials::Anonymous,
            options: s3.clone(),
            clock: options.clock.clone(),
            bucket_seen: OnceCell::new(),
            region,
        })
    }

    fn copy_config(&self) -> config::Builder {
        config::Builder::new().timeout_config(self.options.copy_timeouts())
    }

    fn meta_of(&self, written: Written, attributes: &Attributes) -> Meta {
        let content_type = attributes.content_type.clone();
        let now = self.clock.now();
        Meta {
            size: written.size,
            etag: written.etag,
            last_modified: chrono::DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now),
            content_type: content_type.or_else(|| Some(DEFAULT_CONTENT_TYPE.to_owned())),
            content_encoding: attributes.content_encoding.clone(),
            cache_control: attributes.cache_control.clone(),
            metadata: attributes.metadata.clone(),
            storage_class: None,
            website_redirect: None,
        }
    }

    fn url_of(&self, base: &str, key: &Key) -> SignedUrl {
        SignedUrl::Absolute(format!("{base}/{}", encode_path(key.as_str())))
    }
}

#[async_trait]
impl BlobStore for S3Store {
    fn name(&self) -> &str {
        &self.name
    }

    async fn head(&self, key: &Key) -> Result<Option<Meta>> {
        self.head_object(key).await
    }

    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>> {
        self.get_object(key, range).await
    }

    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta> {
        let attributes = attributes.checked()?;
        let written = self
            .upload(key, Source::open(body).await?, &attributes)
            .await?;
        Ok(self.meta_of(written, &attributes))
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>> {
        self.copy_from(self, from, to).await
    }

    async fn copy_from(
        &self,
        source: &dyn BlobStore,
        from: &Key,
        to: &Key,
    ) -> Result<Option<Meta>> {
        let origin = source.origin();
        match &origin {
            Origin::S3 {
                service, bucket, ..
            } if *service == self.service => {
                let Some(meta) = source.head(from).await? else {
                    return Ok(None);
                };
                let source = CopySource::new(bucket, &origin.full_key(from), meta);
                self.copy_inside(source, to).await.map(Some)
            }
            _ => copy_bytes(source, from, self, to).await,
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let request = self
            .writer
            .delete_object()
            .bucket(&self.bucket)
            .key(key.as_str());
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(e) => match Fault::new("DeleteObject", &self.bucket, &e) {
                fault if fault.has_code(&["NoSuchKey"]) => Ok(()),
                fault => Err(fault.into_error()),
            },
        }
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.page(prefix, start_after, limit).await
    }

    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        self.presign_get(key, expires_secs).await
    }

    async fn sign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        signed: &Attributes,
    ) -> Result<SignedUrl> {
        self.presign_put(key, expires_secs, &signed.checked()?)
            .await
    }

    fn public_url(&self, key: &Key) -> Option<SignedUrl> {
        self.public_base
            .as_deref()
            .map(|base| self.url_of(base, key))
    }

    async fn make_private(&self, key: &Key) -> Result<()> {
        let request = self
            .writer
            .put_object_acl()
            .bucket(&self.bucket)
            .key(key.as_str())
            .acl(ObjectCannedAcl::Private);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(e) => match Fault::new("PutObjectAcl", &self.bucket, &e) {
                // The owner of the bucket owns all objects, or the server knows no such lists:
                // there is nothing to take back.
                fault if fault.has_code(&["AccessControlListNotSupported", "NotImplemented"]) => {
                    Ok(())
                }
                fault => Err(fault.into_error()),
            },
        }
    }

    async fn check(&self) -> Result<()> {
        let request = self.reader.head_bucket().bucket(&self.bucket);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(e) => match Fault::new("HeadBucket", &self.bucket, &e) {
                // Who may read objects may not always ask about the bucket: it exists.
                fault if self.public_base.is_some() && fault.has_status(403) => Ok(()),
                fault if fault.is_absence() => {
                    let message = format!("the bucket {:?} does not exist", self.bucket);
                    Err(Error::not_found(message).with_source(fault))
                }
                fault => Err(fault.into_error()),
            },
        }
    }

    async fn ensure(&self) -> Result<()> {
        let place = (self.is_amazon && self.region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(self.region.as_str()))
                .build()
        });
        let request = self
            .writer
            .create_bucket()
            .bucket(&self.bucket)
            .set_create_bucket_configuration(place);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(e) => match Fault::new("CreateBucket", &self.bucket, &e) {
                fault if fault.has_code(&["BucketAlreadyOwnedByYou"]) => Ok(()),
                fault => Err(fault.into_error()),
            },
        }
    }

    fn origin(&self) -> Origin {
        Origin::S3 {
            service: self.service.clone(),
            bucket: self.bucket.clone(),
            prefix: String::new(),
        }
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("name", &self.name)
            .field("bucket", &self.bucket)
            .field("service", &self.service)
            .finish()
    }
}
