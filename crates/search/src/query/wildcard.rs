// SPDX-License-Identifier: MPL-2.0
//! Patterns in which `*` is any text, `?` any character and a backslash takes the next one
//! literally.

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Literal(char),
    One,
    Any,
}

/// A pattern ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard {
    pieces: Vec<Piece>,
}

impl Wildcard {
    /// Reads a pattern; every text is one. A backslash at the end stands for itself.
    pub fn new(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' if pieces.last() == Some(&Piece::Any) => continue,
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Literal(chars.next().unwrap_or('\\')),
                other => Piece::Literal(other),
            });
        }
        Self { pieces }
    }

    /// Reads a pattern over names of fields, in which only `*` is special.
    pub fn of_names(pattern: &str) -> Self {
        Self::new(&pattern.replace('\\', "\\\\").replace('?', "\\?"))
    }

    /// Returns the text that every match begins with.
    pub fn literal_prefix(&self) -> String {
        self.pieces
            .iter()
            .map_while(|piece| match piece {
                Piece::Literal(c) => Some(*c),
                Piece::One | Piece::Any => None,
            })
            .collect()
    }

    /// Returns the pattern for lower-cased text.
    pub fn to_lowercase(&self) -> Self {
        let lower = |piece: &Piece| match piece {
            Piece::Literal(c) => c.to_lowercase().map(Piece::Literal).collect(),
            other => vec![*other],
        };
        Self {
            pieces: self.pieces.iter().flat_map(lower).collect(),
        }
    }

    /// Tells whether the whole text fits. Takes time in proportion to text times pattern at worst.
    pub fn is_match(&self, text: &str) -> bool {
        let mut pieces = self.pieces.as_slice();
        let mut text = text.chars();
        // Where to go on after the latest `*` when a later piece does not fit.
        let mut retry: Option<(&[Piece], std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = text.clone();
            let fits = match (pieces.split_first(), ahead.next()) {
                (None, None) => return true,
                (Some((Piece::Any, rest)), _) => {
                    retry = Some((rest, text.clone()));
                    pieces = rest;
                    continue;
                }
                (Some((Piece::One, rest)), Some(_)) => Some(rest),
                (Some((Piece::Literal(wanted), rest)), Some(c)) if *wanted == c => Some(rest),
                _ => None,
            };
            if let Some(rest) = fits {
                pieces = rest;
                text = ahead;
                continue;
            }
            let Some((rest, mut later)) = retry.take() else {
                return false;
            };
            if later.next().is_none() {
                return false;
            }
            pieces = rest;
            text = later.clone();
            retry = Some((rest, later));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("61.*", "61.0b2", true),
            ("*esr", "60.0.1esr", true),
            ("6?.0*1", "62.0a1", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybzcd", false),
            ("", "", true),
            ("?", "", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("*", "", true),
        ] {
            assert_eq!(
                Wildcard::new(pattern).is_match(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn only_stars_are_special_in_names() {
        assert!(Wildcard::of_names("build.*").is_match("build.id"));
        assert!(!Wildcard::of_names("build.?d").is_match("build.id"));
    }

    #[test]
    fn many_stars_take_no_time_to_speak_of() {
        let pattern = "*a".repeat(2_000);
        assert!(!Wildcard::new(&pattern).is_match(&"a".repeat(1_999)));
        assert!(Wildcard::new(&pattern).is_match(&"a".repeat(2_000)));
    }

    #[test]
    fn the_fixed_start_narrows_the_dictionary() {
        assert_eq!(Wildcard::new("2018*x").literal_prefix(), "2018");
        assert_eq!(Wildcard::new("*x").literal_prefix(), "");
    }
}
