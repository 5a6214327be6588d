// SPDX-License-Identifier: MPL-2.0
//! Tokens of the search syntax. The longest token wins; `-` and `+` inside a word belong to it.

/// One token. Words keep their escapes until it is known what they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    Colon,
    /// A lone star.
    Star,
    /// A word without wildcards.
    Term(String),
    /// A word whose only wildcard is a star at the end; the star is cut off.
    Prefix(String),
    /// A word with other wildcards.
    Wildcard(String),
    /// Text between quotes.
    Quoted(String),
    /// Text between slashes.
    Regexp(String),
    /// `~` with an optional number.
    Tilde(Option<f32>),
    /// `^` with its number.
    Caret(f32),
    /// A range with its ends.
    Range {
        lower: (String, bool),
        upper: (String, bool),
    },
}

/// Splits a text; `None` if some of it is no token.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Some(tokens)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

fn starts_term(c: char) -> bool {
    !is_blank(c)
        && !matches!(
            c,
            '+' | '-'
                | '!'
                | '('
                | ')'
                | ':'
                | '^'
                | '['
                | ']'
                | '"'
                | '{'
                | '}'
                | '~'
                | '*'
                | '?'
                | '\\'
                | '/'
        )
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Returns the next token, `Some(None)` at the end and `None` for an error.
    fn token(&mut self) -> Option<Option<Token>> {
        self.skip_blanks();
        let Some(c) = self.peek() else {
            return Some(None);
        };
        let single = match c {
            '+' => Some(Token::Plus),
            '-' => Some(Token::Minus),
            '!' => Some(Token::Not),
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ':' => Some(Token::Colon),
            _ => None,
        };
        if let Some(token) = single {
            self.at += 1;
            return Some(Some(token));
        }
        let token = match c {
            '"' => Token::Quoted(self.delimited('"')?),
            '/' => Token::Regexp(self.delimited('/')?.replace("\\/", "/")),
            '[' | '{' => self.range()?,
            '~' => {
                self.at += 1;
                Token::Tilde(self.number())
            }
            '^' => {
                self.at += 1;
                Token::Caret(self.number()?)
            }
            _ => self.word()?,
        };
        Some(Some(token))
    }

    /// Takes text up to the closing delimiter, escapes kept.
    fn delimited(&mut self, end: char) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.peek()?;
            self.at += 1;
            if c == end {
                return Some(text);
            }
            text.push(c);
            if c == '\\' {
                text.push(self.peek()?);
                self.at += 1;
            }
        }
    }

    fn number(&mut self) -> Option<f32> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let has_digits = self.at > start;
        let has_fraction = self.peek() == Some('.')
            && self
                .chars
                .get(self.at + 1)
                .is_some_and(char::is_ascii_digit);
        if has_digits && has_fraction {
            self.at += 1;
            while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1;
            }
        }
        let digits: String = self.chars.get(start..self.at)?.iter().collect();
        digits.parse().ok()
    }

    fn word(&mut self) -> Option<Token> {
        let mut text = String::new();
        let mut wildcards = 0_usize;
        while let Some(c) = self.peek() {
            let continues = starts_term(c) || matches!(c, '*' | '?' | '\\' | '-' | '+');
            if !continues {
                break;
            }
            self.at += 1;
            text.push(c);
            match c {
                '\\' => {
                    text.push(self.peek()?);
                    self.at += 1;
                }
                '*' | '?' => wildcards += 1,
                _ => {}
            }
        }
        Some(match text.as_str() {
            "" => return None,
            "AND" | "&&" => Token::And,
            "OR" | "||" => Token::Or,
            "NOT" => Token::Not,
            "*" => Token::Star,
            _ if wildcards == 0 => Token::Term(text),
            _ => match text.strip_suffix('*') {
                Some(start) if wildcards == 1 => Token::Prefix(start.to_owned()),
                _ => Token::Wildcard(text),
            },
        })
    }

    fn range(&mut self) -> Option<Token> {
        let lower_inclusive = self.peek() == Some('[');
        self.at += 1;
        let lower = self.end()?;
        // `TO` may be left out, as in the grammar of old.
        self.skip_blanks();
        if self.chars.get(self.at..self.at + 2) == Some(&['T', 'O'])
            && self.chars.get(self.at + 2).copied().is_none_or(is_blank)
        {
            self.at += 2;
        }
        let upper = self.end()?;
        self.skip_blanks();
        let upper_inclusive = match self.peek()? {
            ']' => true,
            '}' => false,
            _ => return None,
        };
        self.at += 1;
        Some(Token::Range {
            lower: (lower, lower_inclusive),
            upper: (upper, upper_inclusive),
        })
    }

    /// Takes one end of a range, quoted or bare, ready to use; an open one is `*`.
    fn end(&mut self) -> Option<String> {
        self.skip_blanks();
        if self.peek()? == '"' {
            return super::parser::unescape(&self.delimited('"')?);
        }
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| !is_blank(c) && !matches!(c, ']' | '}'))
        {
            self.at += 1;
        }
        let text: String = self.chars.get(start..self.at)?.iter().collect();
        if text.is_empty() || text == "TO" {
            None
        } else {
            super::parser::unescape(&text)
        }
    }
}
