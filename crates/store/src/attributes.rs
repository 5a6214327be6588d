// SPDX-License-Identifier: MPL-2.0
//! The rules for what a writer says about an object. They are those of S3, so that nothing that
//! the local store takes is refused by a bucket later.

use std::collections::BTreeMap;

use releng_common::{Error, Result};

use crate::Attributes;

/// Media type where the writer names none, as on S3.
pub(crate) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Prefix of the header that carries a pair of metadata.
pub(crate) const METADATA_HEADER: &str = "x-amz-meta-";

/// Longest value of an ordinary header.
const VALUE_MAX_BYTES: usize = 1024;

/// Most bytes of metadata, names and values together.
const METADATA_MAX_BYTES: usize = 2048;

impl Attributes {
    /// Returns the same with metadata names in lower case.
    ///
    /// # Errors
    /// `InvalidInput` naming the field and the rule that it breaks.
    pub fn checked(&self) -> Result<Self> {
        for (field, value) in [
            ("content type", &self.content_type),
            ("content encoding", &self.content_encoding),
            ("cache control", &self.cache_control),
        ] {
            if let Some(value) = value {
                check_value(field, value)?;
            }
        }
        let mut metadata = BTreeMap::new();
        let mut total = 0usize;
        for (name, value) in &self.metadata {
            check_name(name)?;
            check_value(&format!("metadata {name}"), value)?;
            total = total.saturating_add(name.len()).saturating_add(value.len());
            if metadata
                .insert(name.to_ascii_lowercase(), value.clone())
                .is_some()
            {
                return Err(Error::invalid(format!("metadata {name} is given twice")));
            }
        }
        if total > METADATA_MAX_BYTES {
            return Err(Error::invalid(format!(
                "metadata has {total} bytes, {METADATA_MAX_BYTES} are allowed"
            )));
        }
        Ok(Self {
            metadata,
            ..self.clone()
        })
    }

    /// Returns the headers that a PUT with these attributes carries, names in lower case, in
    /// byte order.
    pub fn headers(&self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in [
            ("content-type", &self.content_type),
            ("content-encoding", &self.content_encoding),
            ("cache-control", &self.cache_control),
        ] {
            if let Some(value) = value {
                headers.insert(name.to_owned(), value.clone());
            }
        }
        for (name, value) in &self.metadata {
            headers.insert(
                format!("{METADATA_HEADER}{}", name.to_ascii_lowercase()),
                value.clone(),
            );
        }
        headers
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Error::invalid(format!(
            "metadata name {name:?} is not an HTTP token"
        )));
    }
    Ok(())
}

fn check_value(field: &str, value: &str) -> Result<()> {
    if value.is_empty() || value.trim() != value {
        return Err(Error::invalid(format!(
            "{field} must not be empty or have blanks around"
        )));
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Error::invalid(format!(
            "{field} must consist of printable ASCII characters"
        )));
    }
    if value.len() > VALUE_MAX_BYTES {
        return Err(Error::invalid(format!(
            "{field} is longer than {VALUE_MAX_BYTES} bytes"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_metadata(pairs: &[(&str, &str)]) -> Attributes {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Attributes {
            metadata: pairs.iter().map(pair).collect(),
            ..Attributes::default()
        }
    }

    #[test]
    fn a_broken_rule_is_named() {
        let long = "x".repeat(1025);
        let half = "x".repeat(1020);
        let cases = [
            (
                Attributes::of_type(""),
                "content type must not be empty or have blanks around",
            ),
            (
                Attributes::of_type("a\r\nb"),
                "content type must consist of printable ASCII characters",
            ),
            (
                Attributes::of_type(long),
                "content type is longer than 1024 bytes",
            ),
            (
                with_metadata(&[("a b", "c")]),
                "metadata name \"a b\" is not an HTTP token",
            ),
            (
                with_metadata(&[("a", "ü")]),
                "metadata a must consist of printable ASCII characters",
            ),
            (
                with_metadata(&[("A", "1"), ("a", "2")]),
                "metadata a is given twice",
            ),
            (
                with_metadata(&[("first", &half), ("second", &half)]),
                "metadata has 2051 bytes, 2048 are allowed",
            ),
        ];
        for (attributes, message) in cases {
            assert_eq!(attributes.checked().unwrap_err().message(), message);
        }
    }

    #[test]
    fn metadata_names_end_up_in_lower_case() {
        let attributes = with_metadata(&[("Original_Size", "12")]);
        assert_eq!(
            attributes.checked().unwrap(),
            with_metadata(&[("original_size", "12")])
        );
        assert_eq!(
            attributes.headers().into_keys().collect::<Vec<_>>(),
            ["x-amz-meta-original_size"]
        );
    }
}
