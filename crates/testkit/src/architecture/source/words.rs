// SPDX-License-Identifier: MPL-2.0
//! Rust text as words and signs, without comments and literals.

/// A word or a sign; `::` is one sign.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Word {
    /// Returns whether it is a name rather than a sign.
    pub(super) fn is_name(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Splits a text.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut scanner = Scanner {
        rest: text,
        line: 1,
        found: Vec::new(),
    };
    while scanner.step() {}
    scanner.found
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Word>,
}

impl Scanner<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment(self.rest));
        } else if let Some(length) = string(self.rest) {
            self.skip(length);
        } else if first == '\'' {
            self.skip(quoted_character(self.rest));
        } else if first.is_alphanumeric() || first == '_' {
            self.word();
        } else if self.rest.starts_with("::") {
            self.keep(2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.keep(first.len_utf8());
        }
        true
    }

    fn word(&mut self) {
        let raw = self.rest.strip_prefix("r#").map_or(0, |_| 2);
        self.skip(raw);
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        self.keep(end.unwrap_or(self.rest.len()));
    }

    fn keep(&mut self, length: usize) {
        let (text, rest) = self.rest.split_at(length);
        self.found.push(Word {
            text: text.to_owned(),
            line: self.line,
        });
        self.rest = rest;
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

/// Returns the length of a comment that may contain others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the length of a string literal of any kind at the beginning of a text.
fn string(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 1 {
        return None;
    }
    if body.starts_with('"') {
        return Some(prefix + plain_string(body));
    }
    let hashes = body.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    let content = hashes.get(count..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(count));
    let length = content
        .find(&end)
        .map_or(content.len(), |at| at + end.len());
    Some(text.len() - content.len() + length)
}

fn plain_string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of a character literal, or of the mark of a lifetime.
fn quoted_character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            let _escaped = characters.next();
            characters
                .find(|(_, c)| *c == '\'')
                .map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn comments_and_literals_disappear() {
        for text in [
            "a // b",
            "a /* b /* c */ d */",
            "a \"b \\\" c\"",
            "a r\"b\\\"",
            "a r#\"b \" c\"#",
            "a br##\"b\"# c\"##",
            "a b\"b\"",
            "a c\"b\"",
            "a 'b'",
            "a '\\''",
            "a '\\u{62}'",
            "a \"unfinished",
            "a /* unfinished",
            "a r#\"unfinished\"",
        ] {
            assert_eq!(texts(text), ["a"], "{text}");
        }
    }

    #[test]
    fn lifetimes_and_raw_names_are_words() {
        assert_eq!(texts("&'a str"), ["&", "a", "str"]);
        assert_eq!(texts("r#type::b2"), ["type", "::", "b2"]);
        assert_eq!(texts("bcr::brc"), ["bcr", "::", "brc"]);
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let found = words("a\n/*\n*/ b \"\n\" c\n// x\nd");
        let lines: Vec<usize> = found.iter().map(|word| word.line).collect();
        assert_eq!(lines, [1, 3, 4, 6]);
    }
}
