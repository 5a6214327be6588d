// SPDX-License-Identifier: MPL-2.0
//! Reading the form of an upload: the archive goes to a file while it arrives (tecken.md §5.2).

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};
use futures_util::StreamExt as _;
use releng_common::http::body;
use releng_common::http::query::Query;
use releng_common::{Error, Kind, Result};
use tokio::io::AsyncWriteExt as _;

use crate::State;
use crate::domain::{Wish, archive_name};
use crate::ops::Posted;
use crate::state::SpoolFile;

const NO_FILE: &str = "Must be multipart form data with at least one file";
/// Largest value of a field that is no file.
const FIELD_BYTES: usize = 4096;
/// Most parts of a form.
const MAX_PARTS: usize = 100;

fn idle(state: &State) -> Duration {
    Duration::from_secs(state.settings.own.upload_idle_secs.max(1))
}

/// Reads the form.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<State>,
) -> Result<Posted> {
    let max = state.settings.own.upload_max_body.0;
    let announced = request
        .headers()
        .get("content-length")
        .and_then(|v| v.to_str().ok());
    if announced
        .and_then(|v| v.parse::<u64>().ok())
        .is_some_and(|n| n > max)
    {
        return Err(too_large(max));
    }
    if body::media_type(request) == "multipart/form-data" {
        let multipart = Multipart::new(request.headers(), payload);
        return Form {
            state,
            left: max,
            archive: None,
            wish: Wish::default(),
            has_url: false,
        }
        .read(multipart)
        .await;
    }
    let is_form = body::media_type(request) == "application/x-www-form-urlencoded";
    if !is_form {
        return Err(without_file(false));
    }
    let has_url = match body::read(request, payload, FIELD_BYTES).await {
        Ok(bytes) => Query::parse(&String::from_utf8_lossy(&bytes))
            .get("url")
            .is_some_and(|url| !url.is_empty()),
        // curl sends whatever it is given under this type: so much is an archive and no form.
        Err(error) if error.kind() == Kind::TooLarge => false,
        Err(error) => return Err(error),
    };
    Err(without_file(has_url))
}

fn without_file(has_url: bool) -> Error {
    if has_url {
        return Error::invalid("This server does not take uploads by URL");
    }
    Error::invalid(NO_FILE)
}

fn too_large(max: u64) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the upload is larger than {max} bytes"),
    )
}

struct Form<'a> {
    state: &'a Data<State>,
    /// Bytes that may still come.
    left: u64,
    archive: Option<(String, SpoolFile, u64)>,
    wish: Wish,
    has_url: bool,
}

impl Form<'_> {
    async fn read(mut self, mut multipart: Multipart) -> Result<Posted> {
        let mut parts = 0;
        while let Some(field) = self.patiently(multipart.next()).await? {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(Error::invalid(format!(
                    "The form has more than {MAX_PARTS} parts"
                )));
            }
            self.part(field.map_err(malformed)?).await?;
        }
        match self.archive {
            Some((name, file, size)) => Ok(Posted {
                name,
                file,
                size,
                wish: self.wish,
            }),
            None => Err(without_file(self.has_url)),
        }
    }

    async fn part(&mut self, mut field: Field) -> Result<()> {
        let disposition = field.content_disposition();
        let name = field.name().unwrap_or_default().to_owned();
        let filename = disposition
            .and_then(|d| d.get_filename())
            .map(str::to_owned);
        match filename {
            Some(filename) if !filename.is_empty() && self.archive.is_none() => {
                self.archive(&name, &filename, field).await
            }
            // Only the first file counts.
            Some(_) => {
                while let Some(chunk) = self.chunk(&mut field).await? {
                    drop(chunk);
                }
                Ok(())
            }
            None => self.value(&name, field).await,
        }
    }

    async fn archive(&mut self, name: &str, filename: &str, mut field: Field) -> Result<()> {
        let archive = archive_name(name, filename);
        let (file, spooled) = self.state.spool.file()?;
        let spool = |e: std::io::Error| Error::internal("the spool cannot be used").with_source(e);
        let mut file = tokio::fs::File::from_std(file);
        let mut size = 0_u64;
        while let Some(chunk) = self.chunk(&mut field).await? {
            if archive.is_ok() {
                file.write_all(&chunk).await.map_err(spool)?;
            }
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        }
        file.flush().await.map_err(spool)?;
        self.archive = Some((archive.map_err(Error::invalid)?, spooled, size));
        Ok(())
    }

    async fn value(&mut self, name: &str, mut field: Field) -> Result<()> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(&mut field).await? {
            if bytes.len() + chunk.len() > FIELD_BYTES {
                let text = format!("The field {name:?} has more than {FIELD_BYTES} bytes");
                return Err(Error::invalid(text));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // An empty value counts as none: it must not widen what a token may do.
        match name {
            "try" => self.wish.is_try |= !text.is_empty(),
            "bucket_name" if !text.is_empty() => self.wish.bucket_name = Some(text),
            "url" => self.has_url |= !text.is_empty(),
            _ => {}
        }
        Ok(())
    }

    async fn chunk(&mut self, field: &mut Field) -> Result<Option<actix_web::web::Bytes>> {
        let Some(chunk) = self.patiently(field.next()).await? else {
            return Ok(None);
        };
        let chunk = chunk.map_err(malformed)?;
        let max = self.state.settings.own.upload_max_body.0;
        let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or_else(|| too_large(max))?;
        Ok(Some(chunk))
    }

    async fn patiently<T>(&self, next: impl Future<Output = T>) -> Result<T> {
        let idle = idle(self.state);
        tokio::time::timeout(idle, next).await.map_err(|_| {
            Error::invalid(format!(
                "Nothing of the body arrived for {} seconds",
                idle.as_secs()
            ))
        })
    }
}

fn malformed(error: MultipartError) -> Error {
    let text = match &error {
        MultipartError::BoundaryMissing => "The multipart body has no boundary",
        MultipartError::Incomplete | MultipartError::Payload(_) => {
            "The multipart body ends too early"
        }
        _ => "The multipart body is malformed",
    };
    Error::invalid(text).with_source(error.to_string())
}
