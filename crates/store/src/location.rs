// SPDX-License-Identifier: MPL-2.0
//! Addresses of stores as they stand in settings: `file://`, `s3://` and the bucket URLs
//! `https://host/bucket/prefix` of the symbol server. Nothing is opened here.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use releng_common::{Error, Result};
use url::Url;

use crate::url_path::encode_path;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder on this machine.
    Local(LocalLocation),
    /// A bucket.
    S3(S3Location),
}

/// A folder that holds objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalLocation {
    /// The folder.
    pub root: PathBuf,
    /// What stands before every key: empty, or ending with a slash.
    pub prefix: String,
    /// Whether reading needs a signature.
    pub is_public: bool,
}

/// A bucket of a service that speaks S3.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// What stands before every key: empty, or ending with a slash.
    pub prefix: String,
    /// The region, when the address names one.
    pub region: Option<String>,
    /// Base address of a service other than Amazon's.
    pub endpoint: Option<String>,
    /// Whether anybody may read: lookups and addresses for clients go without a signature.
    pub is_public: bool,
    /// Access key and secret that stand in the address.
    pub keys: Option<(String, String)>,
    /// Address of the bucket as it was written, for public addresses; prefix excluded.
    pub bucket_url: Option<String>,
}

impl S3Location {
    /// Creates the address of a private bucket of Amazon, or of the server that the options name.
    ///
    /// # Errors
    /// `InvalidInput` when it is not the name of a bucket.
    pub fn new(bucket: &str, region: Option<&str>) -> Result<Self> {
        check_bucket(bucket)?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: String::new(),
            region: region.map(str::to_owned),
            endpoint: None,
            is_public: false,
            keys: None,
            bucket_url: None,
        })
    }
}

impl Location {
    /// Reads an address:
    ///
    /// * `file:///folder` or `file://folder/relative/to/the/process`, with `?access=public`;
    /// * `s3://bucket/prefix`, with `?region=…&endpoint=…&access=public`;
    /// * `https://host/bucket/prefix` (also `http`), with `?access=public`; hosts of Amazon name
    ///   the region (`s3-us-west-2.amazonaws.com`, `s3.us-west-2.amazonaws.com`), any other host is
    ///   the endpoint.
    ///
    /// # Errors
    /// `InvalidInput` naming the rule. Secrets of the address are not repeated.
    pub fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown_scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "file" => parse_file(rest).map(Self::Local),
            "s3" => parse_s3(text).map(Self::S3),
            "http" | "https" => parse_bucket_url(text).map(Self::S3),
            _ => Err(unknown_scheme()),
        }
    }

    /// Returns the name of the bucket, or of the folder.
    pub fn name(&self) -> String {
        match self {
            Self::Local(local) => local.root.file_name().map_or_else(
                || "local".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            ),
            Self::S3(s3) => s3.bucket.clone(),
        }
    }

    /// Returns what stands before every key: empty, or ending with a slash.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Local(local) => &local.prefix,
            Self::S3(s3) => &s3.prefix,
        }
    }

    /// Tells whether anybody may read.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Local(local) => local.is_public,
            Self::S3(s3) => s3.is_public,
        }
    }

    /// Returns the same bucket with `segment` right after its name, before the prefix that there
    /// is: `http://host/bucket/v0` and `try` make `http://host/bucket/try/v0`.
    pub fn with_first_segment(mut self, segment: &str) -> Self {
        let prefix = match &mut self {
            Self::Local(local) => &mut local.prefix,
            Self::S3(s3) => &mut s3.prefix,
        };
        *prefix = format!("{}{prefix}", slash_at_end(segment));
        self
    }
}

/// Shows the address without secrets.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => write!(f, "file://{}", join(&local.root, &local.prefix)),
            Self::S3(s3) => match &s3.endpoint {
                Some(endpoint) => write!(f, "{endpoint}/{}/{}", s3.bucket, s3.prefix),
                None => write!(f, "s3://{}/{}", s3.bucket, s3.prefix),
            },
        }
    }
}

impl fmt::Debug for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Location")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("is_public", &self.is_public)
            .field("has_keys", &self.keys.is_some())
            .finish()
    }
}

fn join(root: &Path, prefix: &str) -> String {
    if prefix.is_empty() {
        root.display().to_string()
    } else {
        format!("{}/{prefix}", root.display())
    }
}

fn unknown_scheme() -> Error {
    Error::invalid(
        "the store URL must begin with one of file://, s3://, https:// and http:// (bucket URLs)",
    )
}

fn slash_at_end(segments: &str) -> String {
    let trimmed = segments.trim_matches('/');
    if trimmed.is_empty() {
        String::new()
    } else {
        format!("{trimmed}/")
    }
}

/// The part behind `file://` is a path and not a host: `file://data/x` is relative.
fn parse_file(rest: &str) -> Result<LocalLocation> {
    let (path, query) = rest
        .split_once('?')
        .map_or((rest, ""), |(path, query)| (path, query));
    let path = decode(path)?;
    if path.is_empty() {
        return Err(Error::invalid("the store URL file:// names no folder"));
    }
    let query = Query::parse(query, &["access"])?;
    Ok(LocalLocation {
        root: PathBuf::from(path),
        prefix: String::new(),
        is_public: query.is_public,
    })
}

fn parse_s3(text: &str) -> Result<S3Location> {
    let url = parse_url(text)?;
    let query = Query::parse(url.query().unwrap_or(""), &["access", "region", "endpoint"])?;
    let bucket = url.host_str().unwrap_or("").to_owned();
    if url.port().is_some() {
        return Err(Error::invalid(
            "the store URL s3://bucket takes no port: name the server with ?endpoint=",
        ));
    }
    check_bucket(&bucket)?;
    Ok(S3Location {
        bucket,
        prefix: slash_at_end(&decode(url.path())?),
        region: query.region,
        endpoint: query.endpoint,
        is_public: query.is_public,
        keys: keys_of(&url)?,
        bucket_url: None,
    })
}

fn parse_bucket_url(text: &str) -> Result<S3Location> {
    let url = parse_url(text)?;
    let query = Query::parse(url.query().unwrap_or(""), &["access", "region"])?;
    let path = url.path().trim_start_matches('/');
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    let bucket = decode(bucket)?;
    check_bucket(&bucket)?;
    let host = url.host_str().unwrap_or("");
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let base = format!("{}://{authority}", url.scheme());
    let amazon_region = region_of(host);
    Ok(S3Location {
        prefix: slash_at_end(&decode(prefix)?),
        region: query.region.or_else(|| amazon_region.clone()),
        endpoint: amazon_region.is_none().then(|| base.clone()),
        is_public: query.is_public,
        keys: keys_of(&url)?,
        bucket_url: Some(format!("{base}/{}", encode_path(&bucket))),
        bucket,
    })
}

fn parse_url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| Error::invalid(format!("the store URL is malformed: {e}")))
}

/// Returns the region of a host of Amazon; the one without a name is the oldest.
fn region_of(host: &str) -> Option<String> {
    let name = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let region = name
        .strip_prefix("s3-")
        .or_else(|| name.strip_prefix("s3."));
    match (name, region) {
        ("s3", _) => Some("us-east-1".to_owned()),
        (_, Some(region)) => Some(region.trim_start_matches("dualstack.").to_owned()),
        (_, None) => None,
    }
}

fn check_bucket(bucket: &str) -> Result<()> {
    if bucket.is_empty() {
        return Err(Error::invalid("the store URL names no bucket"));
    }
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if bucket.len() > 255 || !bucket.chars().all(is_fine) {
        return Err(Error::invalid(format!(
            "{bucket:?} is not the name of a bucket"
        )));
    }
    Ok(())
}

fn keys_of(url: &Url) -> Result<Option<(String, String)>> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (key, Some(secret)) if !key.is_empty() => Ok(Some((decode(key)?, decode(secret)?))),
        _ => Err(Error::invalid(
            "the store URL has an access key or a secret, but not both",
        )),
    }
}

fn decode(text: &str) -> Result<String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::invalid("the store URL is not UTF-8 when percent-decoded"))
}

#[derive(Default)]
struct Query {
    is_public: bool,
    region: Option<String>,
    endpoint: Option<String>,
}

impl Query {
    fn parse(query: &str, known: &[&str]) -> Result<Self> {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let known = known.join(", ");
                return Err(Error::invalid(format!(
                    "the store URL has the parameter {name:?}, known here: {known}"
                )));
            }
            match name.as_ref() {
                "access" => found.is_public = parse_access(&value)?,
                "region" => found.region = Some(value.into_owned()),
                _ => found.endpoint = Some(parse_endpoint(&value)?),
            }
        }
        Ok(found)
    }
}

fn parse_access(value: &str) -> Result<bool> {
    match value {
        "public" => Ok(true),
        "private" => Ok(false),
        _ => Err(Error::invalid(
            "the store URL: access must be public or private",
        )),
    }
}

fn parse_endpoint(value: &str) -> Result<String> {
    let is_http = value.starts_with("http://") || value.starts_with("https://");
    if !is_http || Url::parse(value).is_err() {
        return Err(Error::invalid(
            "the store URL: endpoint must be an http:// or https:// URL",
        ));
    }
    Ok(value.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
