// SPDX-License-Identifier: MPL-2.0
//! Dicts of texts as they stand in existing environments: Python literals or JSON.

use std::iter::Peekable;
use std::str::Chars;

use releng_common::config::Invalid;

/// Parses a dict, keeping the order of its keys.
pub(super) fn dict(name: &str, text: &str) -> Result<Vec<(String, String)>, Invalid> {
    let mut reader = Reader(text.chars().peekable());
    reader.dict().ok_or_else(|| {
        Invalid::new(
            name,
            "must be a dict of texts such as {'*@example.com': 'https://…'}",
        )
    })
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    fn dict(&mut self) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        if self.next_sign().is_none() {
            return Some(pairs);
        }
        self.take('{')?;
        while self.next_sign()? != '}' {
            let key = self.text()?;
            self.take(':')?;
            pairs.push((key, self.text()?));
            if self.next_sign()? != '}' {
                self.take(',')?;
            }
        }
        self.take('}')?;
        self.next_sign().is_none().then_some(pairs)
    }

    /// Returns the next character that is no blank, without taking it.
    fn next_sign(&mut self) -> Option<char> {
        while self.0.next_if(|c| c.is_whitespace()).is_some() {}
        self.0.peek().copied()
    }

    fn take(&mut self, sign: char) -> Option<()> {
        self.next_sign();
        self.0.next_if_eq(&sign).map(|_| ())
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.next_sign().filter(|c| matches!(c, '\'' | '"'))?;
        self.0.next();
        let mut text = String::new();
        loop {
            match self.0.next()? {
                c if c == quote => return Some(text),
                '\\' => text.push(self.0.next().filter(|c| !c.is_alphanumeric())?),
                c => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_and_json_are_read_in_order() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(dict("X", "").unwrap(), []);
        assert_eq!(dict("X", " {} ").unwrap(), []);
        let python = "{'b@x.org': 'https://h/b', '*@x.org' : \"s3://c\",}";
        let expected = [pair("b@x.org", "https://h/b"), pair("*@x.org", "s3://c")];
        assert_eq!(dict("X", python).unwrap(), expected);
        assert_eq!(dict("X", r#"{"a\"": "\/"}"#).unwrap(), [pair("a\"", "/")]);
    }

    #[test]
    fn anything_else_is_named() {
        for text in [
            "x",
            "{",
            "{'a'}",
            "{'a': 1}",
            "{'a': 'b'} x",
            "{'a' 'b'}",
            "['a']",
        ] {
            assert_eq!(
                dict("X", text).unwrap_err().to_string(),
                "X: must be a dict of texts such as {'*@example.com': 'https://…'}",
                "{text}"
            );
        }
    }
}
