// SPDX-License-Identifier: MPL-2.0
//! Reads JSON as Python's `json.loads` does and fails with its sentences.

use std::collections::BTreeMap;
use std::fmt;

use super::Json;

/// How deep values may nest; Python gives up at about a thousand, builds need two.
const MAX_DEPTH: usize = 100;
/// Digits that Python reads in one integer.
const MAX_DIGITS: usize = 4_300;

/// Why a text is no JSON, as Python says it: `Expecting value: line 1 column 1 (char 0)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    problem: &'static str,
    line: usize,
    column: usize,
    offset: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            problem,
            line,
            column,
            offset,
        } = self;
        write!(f, "{problem}: line {line} column {column} (char {offset})")
    }
}

impl std::error::Error for JsonError {}

/// Parses a text.
///
/// # Errors
/// The text is no JSON, nests deeper than 100 levels, or holds a number or character that no
/// database can keep: infinite numbers and halves of surrogate pairs.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    let mut parser = Parser { text, at: 0 };
    if text.starts_with('\u{feff}') {
        return Err(parser.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    parser.skip_blanks();
    let value = parser.value(MAX_DEPTH)?;
    parser.skip_blanks();
    if parser.peek().is_some() {
        return Err(parser.fail("Extra data", parser.at));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset, always on a character.
    at: usize,
}

type Parsed<T> = Result<T, JsonError>;

impl<'a> Parser<'a> {
    fn fail(&self, problem: &'static str, at: usize) -> JsonError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let last = before.rsplit('\n').next().unwrap_or_default();
        JsonError {
            problem,
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
            offset: before.chars().count(),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Json> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(self.fail("Nested too deeply", self.at));
        };
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'{') => self.object(deeper),
            Some(b'[') => self.list(deeper),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Json> {
        let words = [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
        ];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fail("Expecting value", self.at))
    }

    fn object(&mut self, depth: usize) -> Parsed<Json> {
        let mut members = BTreeMap::new();
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                let problem = "Expecting property name enclosed in double quotes";
                return Err(self.fail(problem, self.at));
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.fail("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip_blanks();
            members.insert(key, self.value(depth)?);
            if self.is_last(b'}')? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Parsed<Json> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.is_last(b']')? {
                return Ok(Json::List(items));
            }
        }
    }

    /// Steps over a comma (false) or the closing bracket (true).
    fn is_last(&mut self, close: u8) -> Parsed<bool> {
        self.skip_blanks();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.skip_blanks();
                Ok(false)
            }
            _ => Err(self.fail("Expecting ',' delimiter", self.at)),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Parsed<Json> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return Err(self.fail("Expecting value", start));
        }
        let whole = self.text.get(start..self.at).unwrap_or_default();
        let is_float = self.fraction() | self.exponent();
        let text = self.text.get(start..self.at).unwrap_or_default();
        if is_float {
            return match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Json::Float(number)),
                _ => Err(self.fail("Number out of range", start)),
            };
        }
        if whole.len() > MAX_DIGITS {
            return Err(self.fail("Number out of range", start));
        }
        // Python's integers have no negative zero.
        Ok(Json::Integer(
            if whole == "-0" { "0" } else { whole }.to_owned(),
        ))
    }

    /// Steps over `.123`; without digits the point is not part of the number.
    fn fraction(&mut self) -> bool {
        let start = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() > 0 {
                return true;
            }
        }
        self.at = start;
        false
    }

    /// Steps over `e+12`.
    fn exponent(&mut self) -> bool {
        let start = self.at;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() > 0 {
                return true;
            }
        }
        self.at = start;
        false
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .unwrap_or(rest.len());
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                None => return Err(self.fail("Unterminated string starting at", start)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape(start)?),
                Some(_) => return Err(self.fail("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, start: usize) -> Parsed<char> {
        let backslash = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else {
            return Err(self.fail("Unterminated string starting at", start));
        };
        let plain = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(backslash),
            _ => return Err(self.fail("Invalid \\escape", backslash)),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self, backslash: usize) -> Parsed<char> {
        let first = self.unit()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        if first < 0xdc00 && self.rest().starts_with("\\u") {
            self.at += 1;
            let second = self.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(code).ok_or_else(|| self.fail("Lone surrogate", backslash));
            }
        }
        Err(self.fail("Lone surrogate", backslash))
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Parsed<u32> {
        let start = self.at;
        let digits = self
            .text
            .get(start + 1..start + 5)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.fail("Invalid \\uXXXX escape", start));
        };
        self.at += 5;
        Ok(unit)
    }
}
