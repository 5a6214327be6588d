// SPDX-License-Identifier: MPL-2.0
//! Integers beyond 64 bits. The documents hold numbers in full, a JSON value of the library has no
//! place for them and would make `1.2345678901234568e29` of 123456789012345678901234567890. They
//! travel as texts that begin with NUL, which no document has, and become numbers again on their
//! way out.

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

const MARK: char = '\0';

/// Returns an integer, given by its digits, as a value of a document.
pub fn integer(digits: &str) -> Value {
    digits
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| digits.parse::<u64>().map(Value::from))
        .unwrap_or_else(|_| Value::from(format!("{MARK}{digits}")))
}

/// Returns the JSON text of an answer.
pub fn to_text(answer: &Value) -> String {
    // Texts, numbers and their lists have a text always.
    serde_json::to_string(&Exact(answer)).unwrap_or_else(|_| answer.to_string())
}

/// Returns the digits of an integer that a value holds as a text.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(MARK)?;
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let is_number = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
    (is_number && !unsigned.starts_with('0')).then_some(digits)
}

struct Exact<'a>(&'a Value);

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => match digits(text) {
                Some(digits) => RawValue::from_string(digits.to_owned())
                    .map_err(S::Error::custom)?
                    .serialize(serializer),
                None => serializer.serialize_str(text),
            },
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Exact(item))?;
                }
                list.end()
            }
            Value::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    object.serialize_entry(key, &Exact(value))?;
                }
                object.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_of_any_length_come_out_as_they_went_in() {
        let long = "9".repeat(400);
        for digits in [
            "0",
            "-1",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            long.as_str(),
        ] {
            let answer = json!({"a": [integer(digits)]});
            assert_eq!(to_text(&answer), format!("{{\"a\":[{digits}]}}"));
        }
    }

    #[test]
    fn everything_else_is_the_text_of_the_library() {
        let answer = json!({
            "text": "1", "nul": "\0", "words": "\0one", "zeros": "\u{0}007", "sign": "\0-",
            "float": 1.5, "list": [null, true, {}], "\0": "key",
        });
        assert_eq!(to_text(&answer), answer.to_string());
    }
}
