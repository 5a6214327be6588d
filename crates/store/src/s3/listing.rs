// SPDX-License-Identifier: MPL-2.0
//! Pages of a bucket.

use aws_sdk_s3::types::{EncodingType, Object};
use chrono::DateTime;
use percent_encoding::percent_decode_str;
use releng_common::{Error, Result};

use super::S3Store;
use super::fault::Fault;
use super::upload::unquoted;
use crate::{Listed, PAGE_MAX, Page};

impl S3Store {
    pub(super) async fn page(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        limit: usize,
    ) -> Result<Page> {
        let limit = limit.min(PAGE_MAX);
        if limit == 0 {
            return Ok(Page::default());
        }
        let request = self
            .writer
            .list_objects_v2()
            .bucket(&self.bucket)
            // XML has no control characters, keys may.
            .encoding_type(EncodingType::Url)
            .max_keys(i32::try_from(limit).unwrap_or(1000))
            .prefix(prefix)
            .set_start_after(start_after.map(str::to_owned));
        let output = Box::pin(request.send())
            .await
            .map_err(|e| Fault::new("ListObjectsV2", &self.bucket, &e).into_error())?;
        let is_encoded = output.encoding_type() == Some(&EncodingType::Url);
        let objects: Result<Vec<Listed>> = output
            .contents()
            .iter()
            .map(|object| listed(object, is_encoded))
            .collect();
        let is_truncated = output.is_truncated().unwrap_or(false);
        Ok(Page {
            objects: objects?,
            is_truncated,
        })
    }
}

fn listed(object: &Object, is_encoded: bool) -> Result<Listed> {
    let key = object.key().unwrap_or_default();
    let modified = object.last_modified();
    Ok(Listed {
        key: if is_encoded {
            decode(key)?
        } else {
            key.to_owned()
        },
        size: object
            .size()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        etag: unquoted(object.e_tag()),
        last_modified: modified
            .and_then(|time| DateTime::from_timestamp(time.secs(), 0))
            .unwrap_or_default(),
    })
}

/// Listed keys are encoded like forms: a blank is `+`.
fn decode(key: &str) -> Result<String> {
    percent_decode_str(&key.replace('+', "%20"))
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|e| {
            Error::unavailable("the object store lists a key that is not UTF-8").with_source(e)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_keys_are_decoded_like_forms() {
        assert_eq!(decode("a+b%2Bc%01/%C3%BC").unwrap(), "a b+c\u{1}/ü");
    }
}
