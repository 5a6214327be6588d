// SPDX-License-Identifier: MPL-2.0
//! What goes into a store and what comes out of it. No backend is known here.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::stream::{BoxStream, StreamExt};
use releng_common::{Error, Kind, Result};

use crate::Key;

/// Bytes on their way.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// What a store knows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Length of the whole object.
    pub size: u64,
    /// Tag of the content, without quotes. Not always an MD5: S3 has another form for objects that
    /// came in parts, and a folder has the BLAKE3.
    pub etag: String,
    /// When this version was written, in whole seconds. After a put to S3 it is our own clock's.
    pub last_modified: DateTime<Utc>,
    /// Media type. Stores fill in one of their own when the writer gave none.
    pub content_type: Option<String>,
    /// Coding of the stored bytes, such as `gzip`. No store decodes them.
    pub content_encoding: Option<String>,
    /// What caches are told.
    pub cache_control: Option<String>,
    /// Pairs of the writer, names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// Storage class when the store names one; S3 is silent about the ordinary one.
    pub storage_class: Option<String>,
    /// Address to which S3 would send visitors of its web sites instead of the bytes.
    pub website_redirect: Option<String>,
}

impl Meta {
    /// Returns what a writer would have to say to get the same object again.
    pub fn attributes(&self) -> Attributes {
        Attributes {
            content_type: self.content_type.clone(),
            content_encoding: self.content_encoding.clone(),
            cache_control: self.cache_control.clone(),
            metadata: self.metadata.clone(),
        }
    }
}

/// What a writer says about an object besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Media type; `None` leaves it to the store (`binary/octet-stream`).
    pub content_type: Option<String>,
    /// Coding of the bytes as they are, such as `gzip`.
    pub content_encoding: Option<String>,
    /// What caches are told.
    pub cache_control: Option<String>,
    /// Pairs of the writer's own. Names are HTTP token characters and end up in lower case.
    pub metadata: BTreeMap<String, String>,
}

impl Attributes {
    /// Creates attributes with a media type alone.
    pub fn of_type(content_type: impl Into<String>) -> Self {
        Self {
            content_type: Some(content_type.into()),
            ..Self::default()
        }
    }
}

/// A part of an object, in the three forms of the HTTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From an offset to the end.
    From(u64),
    /// From the first to the last offset, both included. A last one behind the end is cut.
    Inclusive(u64, u64),
    /// The last bytes; the whole object when it is shorter.
    Suffix(u64),
}

impl ByteRange {
    /// Returns the offsets inside an object of `size` bytes, or `None` when there are none.
    pub fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first) => first..size,
            Self::Inclusive(first, last) => first..last.saturating_add(1).min(size),
            Self::Suffix(count) => size.saturating_sub(count)..size,
        };
        (!range.is_empty()).then_some(range)
    }

    /// Returns the value of a `Range` header for this part.
    pub fn header(self) -> String {
        match self {
            Self::From(first) => format!("bytes={first}-"),
            Self::Inclusive(first, last) => format!("bytes={first}-{last}"),
            Self::Suffix(count) => format!("bytes=-{count}"),
        }
    }

    /// Tells whether no object whatsoever has such bytes.
    pub(crate) fn is_never_inside(self) -> bool {
        self.within(u64::MAX).is_none()
    }

    /// Returns the error for a part that lies outside.
    pub(crate) fn outside(self) -> Error {
        Error::invalid(format!(
            "range {}: no such bytes in the object",
            self.header()
        ))
    }
}

/// An object that is being read.
pub struct Object {
    /// What the store knows of it; `size` is that of the whole object.
    pub meta: Meta,
    /// The offsets that `stream` brings.
    pub range: Range<u64>,
    /// The bytes. It ends with an error when it cannot bring all of them.
    pub stream: ByteStream,
}

impl Object {
    /// Reads the rest into memory.
    ///
    /// # Errors
    /// `TooLarge` above `limit_bytes`, `Unavailable` when the store breaks off.
    pub async fn bytes(mut self, limit_bytes: u64) -> Result<Bytes> {
        let length = self.range.end.saturating_sub(self.range.start);
        let too_large = || {
            Error::new(
                Kind::TooLarge,
                format!("object has more than {limit_bytes} bytes"),
            )
        };
        if length > limit_bytes {
            return Err(too_large());
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(length).map_err(|_| too_large())?);
        while let Some(chunk) = self.stream.next().await {
            let chunk = chunk
                .map_err(|e| Error::unavailable("the object store broke off").with_source(e))?;
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("meta", &self.meta)
            .field("range", &self.range)
            .finish()
    }
}

/// Bytes to be written.
pub enum Body {
    /// All of them, in memory.
    Bytes(Bytes),
    /// The content of a file, which must stay as it is until the put returns.
    File(PathBuf),
    /// Bytes that arrive while they are written.
    Stream {
        /// The bytes.
        stream: ByteStream,
        /// Their number, when it is known. A stream that brings another number is refused.
        length: Option<u64>,
    },
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Body::Bytes({})", bytes.len()),
            Self::File(path) => write!(f, "Body::File({})", path.display()),
            Self::Stream { length, .. } => write!(f, "Body::Stream({length:?})"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

/// An object on a page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key inside the store. A plain string: a foreign bucket may hold keys that [`Key`] refuses.
    pub key: String,
    /// Length of the object.
    pub size: u64,
    /// Tag of the content, without quotes.
    pub etag: String,
    /// When this version was written.
    pub last_modified: DateTime<Utc>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects in byte order of their keys.
    pub objects: Vec<Listed>,
    /// More follow after the last one.
    pub is_truncated: bool,
}

/// An address for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedUrl {
    /// A whole URL.
    Absolute(String),
    /// Path and query on the service that holds the local store.
    Path(String),
}

impl SignedUrl {
    /// Returns the whole URL. `base` is the outside address of the service (`http://host:port`),
    /// with or without a slash at the end.
    pub fn resolve(&self, base: &str) -> String {
        match self {
            Self::Absolute(url) => url.clone(),
            Self::Path(path) => format!("{}{path}", base.trim_end_matches('/')),
        }
    }
}

/// What became of the wish to seal an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It is sealed.
    Done,
    /// There is no object.
    Absent,
    /// This store cannot hold a PUT back that it has let in, and S3 cannot.
    Unsupported,
}

/// Where the objects of a store are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A folder on this machine.
    Local {
        /// The folder.
        root: PathBuf,
    },
    /// A bucket.
    S3 {
        /// Address and account: buckets with equal ones can copy from each other.
        service: String,
        /// The bucket.
        bucket: String,
        /// What stands before every key, empty or with a slash at the end.
        prefix: String,
    },
}

impl Origin {
    /// Returns the full key in the bucket or folder.
    pub(crate) fn full_key(&self, key: &Key) -> String {
        match self {
            Self::Local { .. } => key.as_str().to_owned(),
            Self::S3 { prefix, .. } => format!("{prefix}{key}"),
        }
    }
}
