// SPDX-License-Identifier: MPL-2.0
//! JSON taken apart one level at a time.
//!
//! A value stays text until its type is known to be right, so that every wrong type gets its own
//! message and a number keeps its literal. The text of a [`RawValue`] is valid JSON without
//! blanks around it, hence its first byte tells its type.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::messages::INVALID_JSON;

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    List,
    Object,
}

/// A number as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'a> {
    /// An integer from 0 on.
    Natural(u64),
    /// An integer below 0, without its sign.
    Negative(u64),
    /// An integer below 0 that has more than 64 bits: its digits, without its sign.
    FarNegative(&'a str),
    /// An integer from 2^64 on.
    OutOfRange,
    /// Anything with a fraction or an exponent.
    Literal(&'a str),
}

/// The members of an object that this crate knows; of equal names the last counts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Members<'a> {
    pub(super) jobs: Option<&'a RawValue>,
    pub(super) memory_map: Option<&'a RawValue>,
    pub(super) stacks: Option<&'a RawValue>,
    pub(super) version: Option<&'a RawValue>,
    is_filled: bool,
}

pub(super) fn document(body: &[u8]) -> Result<&RawValue, String> {
    serde_json::from_slice(body).map_err(|_error| INVALID_JSON.to_owned())
}

pub(super) fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes() {
        [b'n', ..] => Kind::Null,
        [b't' | b'f', ..] => Kind::Bool,
        [b'"', ..] => Kind::String,
        [b'[', ..] => Kind::List,
        [b'{', ..] => Kind::Object,
        _ => Kind::Number,
    }
}

/// Tells whether the value counts as false in the language of the first implementation: empty,
/// zero, `false` or `null`.
pub(super) fn is_falsy(value: &RawValue) -> Result<bool, String> {
    let text = value.get();
    Ok(match kind(value) {
        Kind::Null => true,
        Kind::Bool => text == "false",
        Kind::String => text == "\"\"",
        Kind::Number => text.parse::<f64>().is_ok_and(|number| number == 0.0),
        Kind::List => is_empty_list(text),
        Kind::Object => !members(value)?.is_filled,
    })
}

/// A string. JSON can spell half of a surrogate pair, which is no text: a replacement character
/// stands for it here, as for any byte that is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Something was replaced.
    pub(super) is_lossy: bool,
}

/// A string, or nothing when the value is of another type.
pub(super) fn string(value: &RawValue) -> Result<Option<Text>, String> {
    if kind(value) != Kind::String {
        return Ok(None);
    }
    serde_json::from_str(value.get())
        .map(Some)
        .map_err(|_error| INVALID_JSON.to_owned())
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for bytes, the parser lets halves of pairs through, as three bytes each.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(match str::from_utf8(bytes) {
            Ok(text) => Text {
                text: text.to_owned(),
                is_lossy: false,
            },
            Err(_) => Text {
                text: String::from_utf8_lossy(&without_halves(bytes)).into_owned(),
                is_lossy: true,
            },
        })
    }
}

/// Puts one replacement character in the place of each half of a surrogate pair.
fn without_halves(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = match rest {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, tail @ ..] => {
                whole.extend_from_slice("\u{fffd}".as_bytes());
                tail
            }
            _ => {
                whole.push(*first);
                tail
            }
        };
    }
    whole
}

/// A number, or nothing when the value is of another type.
pub(super) fn number(value: &RawValue) -> Option<Number<'_>> {
    if kind(value) != Kind::Number {
        return None;
    }
    let text = value.get();
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Some(Number::Literal(text));
    }
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    Some(match digits.parse() {
        Ok(value) if is_negative && value != 0 => Number::Negative(value),
        Ok(value) => Number::Natural(value),
        Err(_) if is_negative => Number::FarNegative(digits),
        Err(_) => Number::OutOfRange,
    })
}

pub(super) fn members(object: &RawValue) -> Result<Members<'_>, String> {
    let mut reader = serde_json::Deserializer::from_str(object.get());
    reader
        .deserialize_map(MembersVisitor)
        .map_err(|_error| INVALID_JSON.to_owned())
}

/// Calls the function with each item of a list, until it fails.
pub(super) fn each<'a>(
    list: &'a RawValue,
    mut item: impl FnMut(&'a RawValue) -> Result<(), String>,
) -> Result<(), String> {
    let mut verdict = Ok(());
    let visitor = ListVisitor {
        item: &mut item,
        verdict: &mut verdict,
    };
    let walked = serde_json::Deserializer::from_str(list.get()).deserialize_seq(visitor);
    verdict.and(walked.map_err(|_error| INVALID_JSON.to_owned()))
}

/// The two items of a list, or nothing when it has another number of them.
pub(super) fn pair(list: &RawValue) -> Result<Option<(&RawValue, &RawValue)>, String> {
    let mut count = 0usize;
    let (mut first, mut second) = (None, None);
    each(list, |value| {
        match count {
            0 => first = Some(value),
            1 => second = Some(value),
            _ => {}
        }
        count = count.saturating_add(1);
        Ok(())
    })?;
    Ok(first.zip(second).filter(|_| count == 2))
}

fn is_empty_list(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Text>()? {
            members.is_filled = true;
            match name.text.as_str() {
                "jobs" => members.jobs = Some(map.next_value()?),
                "memoryMap" => members.memory_map = Some(map.next_value()?),
                "stacks" => members.stacks = Some(map.next_value()?),
                "version" => members.version = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

struct ListVisitor<'f, F> {
    item: &'f mut F,
    verdict: &'f mut Result<(), String>,
}

impl<'de, F> Visitor<'de> for ListVisitor<'_, F>
where
    F: FnMut(&'de RawValue) -> Result<(), String>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            *self.verdict = (self.item)(value);
            if self.verdict.is_err() {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
