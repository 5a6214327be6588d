// SPDX-License-Identifier: MPL-2.0
//! Words of text fields: the standard segmentation of Unicode, exact for ASCII, lower-cased.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Name under which the index finds the tokenizer.
pub(super) const NAME: &str = "standard_words";
/// Longest word in characters; longer ones are cut into pieces.
const MAX_WORD_CHARS: usize = 255;

/// A word with its place in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub from: usize,
    pub to: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Underscore,
    /// Scripts without blanks between words: every character is a word.
    Single,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '_' => Class::Underscore,
        '\u{3040}'..='\u{309F}'
        | '\u{3400}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => Class::Single,
        c if c.is_numeric() => Class::Digit,
        c if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

/// Tells whether a character between two others joins them to one word.
fn joins(before: Class, c: char, after: Class) -> bool {
    match (before, after) {
        (Class::Letter, Class::Letter) => matches!(c, '.' | ':' | '\'' | '\u{2019}' | '\u{B7}'),
        (Class::Digit, Class::Digit) => matches!(c, '.' | ',' | ';' | '\'' | '\u{2019}'),
        _ => false,
    }
}

/// Splits a text into its words.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open: Option<Open> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let here = class(c);
        let end = at + c.len_utf8();
        match here {
            Class::Letter | Class::Digit | Class::Underscore => {
                if open
                    .as_ref()
                    .is_some_and(|word| word.chars >= MAX_WORD_CHARS)
                {
                    finish(open.take(), text, &mut words);
                }
                let word = open.get_or_insert(Open {
                    from: at,
                    to: end,
                    chars: 0,
                    last: here,
                    is_word: false,
                });
                word.extend(end, here);
            }
            Class::Single => {
                finish(open.take(), text, &mut words);
                finish(
                    Some(Open {
                        from: at,
                        to: end,
                        chars: 1,
                        last: here,
                        is_word: true,
                    }),
                    text,
                    &mut words,
                );
            }
            Class::Other => {
                let next = chars.peek().map_or(Class::Other, |(_, next)| class(*next));
                match open.as_mut() {
                    Some(word) if word.chars < MAX_WORD_CHARS && joins(word.last, c, next) => {
                        word.extend(end, Class::Other);
                        word.last = next;
                    }
                    _ => finish(open.take(), text, &mut words),
                }
            }
        }
    }
    finish(open, text, &mut words);
    words
}

/// A word that may go on.
struct Open {
    from: usize,
    to: usize,
    chars: usize,
    last: Class,
    /// Underscores alone are no word.
    is_word: bool,
}

impl Open {
    fn extend(&mut self, to: usize, class: Class) {
        self.to = to;
        self.chars += 1;
        self.last = class;
        self.is_word |= matches!(class, Class::Letter | Class::Digit);
    }
}

fn finish(open: Option<Open>, text: &str, words: &mut Vec<Word>) {
    if let Some(Open {
        from,
        to,
        is_word: true,
        ..
    }) = open
        && let Some(word) = text.get(from..to)
    {
        words.push(Word {
            text: word.to_lowercase(),
            from,
            to,
        });
    }
}

/// The tokenizer as the index wants it.
#[derive(Clone, Default)]
pub(super) struct StandardTokenizer;

/// The words of one text.
pub(super) struct WordStream {
    words: std::vec::IntoIter<Word>,
    token: Token,
}

impl Tokenizer for StandardTokenizer {
    type TokenStream<'a> = WordStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream {
        WordStream {
            words: words(text).into_iter(),
            token: Token::default(),
        }
    }
}

impl TokenStream for WordStream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        self.token.text = word.text;
        self.token.offset_from = word.from;
        self.token.offset_to = word.to;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_join_over_some_signs_between_letters_or_digits() {
        for (text, expected) in [
            ("x86_64-pc-linux-gnu", &["x86_64", "pc", "linux", "gnu"][..]),
            ("61.0 61.0.2 61.", &["61.0", "61.0.2", "61"]),
            (
                "clang.exe it's a:b 1:2",
                &["clang.exe", "it's", "a:b", "1", "2"],
            ),
            ("a.1 1.a 1,000;5", &["a", "1", "1", "a", "1,000;5"]),
            ("_ __ _a a_ -", &["_a", "a_"]),
            (
                "/usr/bin/gcc -std=GNU99",
                &["usr", "bin", "gcc", "std", "gnu99"],
            ),
            ("a..b", &["a", "b"]),
            ("日本", &["日", "本"]),
            ("", &[]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_word_is_cut() {
        let lengths: Vec<usize> = split(&"a".repeat(600)).iter().map(String::len).collect();
        assert_eq!(lengths, [255, 255, 90]);
    }
}
