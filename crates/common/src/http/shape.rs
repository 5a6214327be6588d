// SPDX-License-Identifier: MPL-2.0
//! Checks a JSON body against the shape that a route expects and says what is wrong in the words
//! that clients of the predecessors know: `'5' is not of type 'integer' - 'files.a.size'`.

use serde_json::Value;

mod trouble;

use crate::error::{Error, Kind, Result};

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A text out of a list.
    OneOf(&'static [&'static str]),
    /// True or false.
    Bool,
    /// A whole number (`1.0` is none).
    Integer,
    /// A list whose items all have one shape.
    List(&'static Shape),
    /// An object with these members; others are ignored.
    Object(&'static [Member]),
    /// An object with any names and one shape of values.
    Map(&'static Shape),
}

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it looks like.
    pub shape: Shape,
}

impl Member {
    /// Returns a member that must be there.
    pub const fn required(name: &'static str, shape: Shape) -> Self {
        Self {
            name,
            is_required: true,
            shape,
        }
    }

    /// Returns a member that may be left out.
    pub const fn optional(name: &'static str, shape: Shape) -> Self {
        Self {
            name,
            is_required: false,
            shape,
        }
    }
}

/// Parses a JSON body and checks its shape. `media_type` is that of the request, without parameters.
///
/// # Errors
/// `UnsupportedMediaType` for another type than JSON, `InvalidInput` with the sentence that names the
/// rule and the place.
pub fn parse(media_type: &str, body: &[u8], shape: Shape) -> Result<Value> {
    if body.is_empty() && media_type.is_empty() {
        return Err(Error::invalid(format!(
            "None is not of type '{}'",
            shape.type_name()
        )));
    }
    if media_type != "application/json" && !media_type.ends_with("+json") {
        let text = format!("Invalid Content-type ({media_type}), expected JSON data");
        return Err(Error::new(Kind::UnsupportedMediaType, text));
    }
    let value: Value = serde_json::from_slice(body).map_err(|_| unreadable(body))?;
    if value.is_null() {
        return Err(Error::invalid(NO_JSON));
    }
    check(&value, shape, "")?;
    Ok(value)
}

const NO_JSON: &str = "Request body is not valid JSON";

fn unreadable(body: &[u8]) -> Error {
    match trouble::find(body) {
        Some((rule, place)) => at(rule.to_owned(), &cut(&place.join("."))),
        None => Error::invalid(NO_JSON),
    }
}

fn check(value: &Value, shape: Shape, place: &str) -> Result<()> {
    let is_of_type = match shape {
        Shape::Text | Shape::OneOf(_) => value.is_string(),
        Shape::Bool => value.is_boolean(),
        Shape::Integer => value.is_i64() || value.is_u64(),
        Shape::List(_) => value.is_array(),
        Shape::Object(_) | Shape::Map(_) => value.is_object(),
    };
    if matches!(shape, Shape::Integer) && is_beyond_64_bits(value) {
        let text = format!("{} does not fit into 64 bits", shown(value));
        return Err(at(text, place));
    }
    if !is_of_type {
        let text = format!("{} is not of type '{}'", shown(value), shape.type_name());
        return Err(at(text, place));
    }
    match shape {
        Shape::OneOf(allowed) if !allowed.iter().any(|a| value == a) => {
            let list: Vec<Value> = allowed.iter().map(|a| Value::from(*a)).collect();
            let list = python_repr(&Value::Array(list));
            Err(at(format!("{} is not one of {list}", shown(value)), place))
        }
        Shape::Text if value.as_str().is_some_and(|text| text.contains('\0')) => {
            // PostgreSQL cannot store it.
            Err(at(
                "a text must not contain NUL characters".to_owned(),
                place,
            ))
        }
        Shape::List(item) => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items
                .into_iter()
                .try_for_each(|(i, v)| check(v, *item, &join(place, &i.to_string())))
        }
        Shape::Map(item) => {
            let members = value.as_object().into_iter().flatten();
            members
                .into_iter()
                .try_for_each(|(name, v)| check(v, *item, &join(place, name)))
        }
        Shape::Object(members) => {
            members
                .iter()
                .try_for_each(|member| match value.get(member.name) {
                    Some(v) => check(v, member.shape, &join(place, member.name)),
                    None if member.is_required => Err(at(
                        format!("'{}' is a required property", member.name),
                        place,
                    )),
                    None => Ok(()),
                })
        }
        _ => Ok(()),
    }
}

/// Whole numbers that do not fit into 64 bits are read as floating-point numbers.
fn is_beyond_64_bits(value: &Value) -> bool {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let number = value.as_f64().filter(|_| value.is_f64());
    number.is_some_and(|number| number.fract() == 0.0 && number.abs() >= LIMIT)
}

impl Shape {
    fn type_name(self) -> &'static str {
        match self {
            Self::Text | Self::OneOf(_) => "string",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::List(_) => "array",
            Self::Object(_) | Self::Map(_) => "object",
        }
    }
}

fn at(text: String, place: &str) -> Error {
    Error::invalid(if place.is_empty() {
        text
    } else {
        format!("{text} - '{place}'")
    })
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// Longest value that an error message repeats; a body may be a megabyte.
const SHOWN_CHARS: usize = 200;

/// Prints a value the way Python does, cut where it gets long.
fn shown(value: &Value) -> String {
    cut(&python_repr(value))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Prints a value the way Python does: `None`, `False`, `['x']`, single quotes.
pub fn python_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => python_text(text),
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(python_repr).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(k, v)| format!("{}: {}", python_text(k), python_repr(v)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Prints a text the way Python does.
pub fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::Object(&[
        Member::required("trees", Shape::List(&Shape::Text)),
        Member::optional("remember", Shape::Bool),
        Member::optional("visibility", Shape::OneOf(&["public", "internal"])),
        Member::optional(
            "files",
            Shape::Map(&Shape::Object(&[Member::required("size", Shape::Integer)])),
        ),
    ]);

    #[test]
    fn every_mistake_is_named_in_the_known_words() {
        let table = [
            ("application/json", "", "Request body is not valid JSON"),
            ("application/json", "{", "Request body is not valid JSON"),
            ("application/json", "null", "Request body is not valid JSON"),
            ("", "", "None is not of type 'object'"),
            (
                "text/plain",
                "{}",
                "Invalid Content-type (text/plain), expected JSON data",
            ),
            ("application/json", "[]", "[] is not of type 'object'"),
            ("application/json", "{}", "'trees' is a required property"),
            (
                "application/json",
                r#"{"trees":"a"}"#,
                "'a' is not of type 'array' - 'trees'",
            ),
            (
                "application/json",
                r#"{"trees":[null]}"#,
                "None is not of type 'string' - 'trees.0'",
            ),
            (
                "application/json",
                r#"{"trees":[],"remember":["x"]}"#,
                "['x'] is not of type 'boolean' - 'remember'",
            ),
            (
                "application/json",
                r#"{"trees":[],"visibility":"secret"}"#,
                "'secret' is not one of ['public', 'internal'] - 'visibility'",
            ),
            (
                "application/json",
                r#"{"trees":[],"files":{"a":{"size":"5"}}}"#,
                "'5' is not of type 'integer' - 'files.a.size'",
            ),
            (
                "application/json",
                r#"{"trees":[],"files":{"a":{"size":1.5}}}"#,
                "1.5 is not of type 'integer' - 'files.a.size'",
            ),
            (
                "application/json",
                r#"{"trees":[],"files":{"a":{}}}"#,
                "'size' is a required property - 'files.a'",
            ),
            (
                "application/json",
                "{\"trees\":[\"a\\u0000\"]}",
                "a text must not contain NUL characters - 'trees.0'",
            ),
        ];
        for (media_type, body, expected) in table {
            let error = parse(media_type, body.as_bytes(), SHAPE).unwrap_err();
            assert_eq!(error.message(), expected, "{body}");
        }
    }

    #[test]
    fn what_python_reads_and_this_cannot_is_named() {
        let huge = format!("1{}", "0".repeat(400));
        for (size, expected) in [
            (
                "18446744073709551616",
                "1.8446744073709552e+19 does not fit into 64 bits",
            ),
            (
                "-9223372036854775809",
                "-9.223372036854776e+18 does not fit into 64 bits",
            ),
            (&huge, "a number is out of range"),
            (
                "\"\\ud800\"",
                "a text must not contain half a surrogate pair",
            ),
        ] {
            let body = format!(r#"{{"trees":[],"files":{{"a":{{"size":{size}}}}}}}"#);
            let error = parse("application/json", body.as_bytes(), SHAPE).unwrap_err();
            assert_eq!(error.message(), format!("{expected} - 'files.a.size'"));
        }
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        let body = br#"{"trees":"a","trees":["b"],"trees":["c"]}"#;
        let value = parse("application/json", body, SHAPE).unwrap();
        assert_eq!(value, serde_json::json!({"trees": ["c"]}));
        let body = br#"{"trees":["c"],"trees":"a"}"#;
        let error = parse("application/json", body, SHAPE).unwrap_err();
        assert_eq!(error.message(), "'a' is not of type 'array' - 'trees'");
    }

    #[test]
    fn a_long_value_is_repeated_in_part() {
        let body = format!(r#"{{"trees":"{}"}}"#, "ü".repeat(100_000));
        let error = parse("application/json", body.as_bytes(), SHAPE).unwrap_err();
        let expected = format!("'{}… is not of type 'array' - 'trees'", "ü".repeat(199));
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn deep_nesting_is_no_panic() {
        let body = "[".repeat(200_000);
        assert!(parse("application/json", body.as_bytes(), SHAPE).is_err());
    }
}
