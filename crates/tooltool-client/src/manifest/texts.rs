// SPDX-License-Identifier: MPL-2.0
//! The texts of the records of a manifest. The grammar is checked here and nothing is built, so
//! what a hostile manifest costs is bounded by its own length.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Error, RECORD_LIMIT};

/// Returns the text of each record.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<&RawValue>, Error> {
    let mut too_many = false;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let texts = deserializer
        .deserialize_seq(Texts(&mut too_many))
        .and_then(|texts| deserializer.end().map(|()| texts));
    texts.map_err(|error| {
        if too_many {
            Error::Rule(format!(
                "a manifest must not have more than {RECORD_LIMIT} records"
            ))
        } else if error.is_data() {
            Error::Rule("a manifest must be an array of records".to_owned())
        } else {
            Error::Json(error)
        }
    })
}

/// Sets the flag when it stops because of the limit.
struct Texts<'a>(&'a mut bool);

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = records.next_element()? {
            if texts.len() == RECORD_LIMIT {
                *self.0 = true;
                return Err(A::Error::custom("too many records"));
            }
            texts.push(text);
        }
        Ok(texts)
    }
}
