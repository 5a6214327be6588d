// SPDX-License-Identifier: MPL-2.0
//! The search syntax for humans: `firefox AND target.version:(61.0* OR "62.0") -esr`, in the
//! classic grammar of Lucene with its lack of precedence between AND and OR.

mod lexer;
mod parser;

use super::{Budget, Minimum, Operator};
use crate::error::SearchError;

/// A parsed text with the options that say what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryString {
    /// The text as a tree; `None` for a blank one, which nothing matches.
    pub root: Option<Node>,
    /// The options.
    pub options: Options,
}

/// Options of a `query_string` clause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// How parts without an operator combine.
    pub default_operator: Operator,
    /// How far the words of a quoted text may be out of place.
    pub phrase_slop: u32,
    /// Whether texts that are no value of a field match nothing instead of failing. By default
    /// when all fields are searched.
    pub is_lenient: Option<bool>,
    /// Whether `analyzer: standard` splits texts on keyword fields into words too.
    pub splits_keywords: bool,
    /// How many optional parts of the whole must match.
    pub minimum: Option<Minimum>,
    /// Minutes east of Greenwich for dates without a zone.
    pub zone_minutes: i32,
    /// Fields searched where the text names none, with weights; none means all.
    pub fields: Vec<(String, f32)>,
}

/// What a part of a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occur {
    /// Must match.
    Must,
    /// May match.
    Should,
    /// Must not match.
    MustNot,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Several parts.
    Group(Vec<(Occur, Node)>),
    /// A part with a weight.
    Boost(Box<Node>, f32),
    /// Every document.
    All,
    /// A field has a value; name or pattern.
    Exists(String),
    /// A value, in a named field or in those of the options.
    Leaf {
        /// Name or pattern of the field, if the text names one.
        field: Option<String>,
        /// What the value must be.
        leaf: Leaf,
    },
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// Bare words in a row are one text.
    Text(String),
    /// A text in quotes, with the slop behind it.
    Phrase(String, Option<u32>),
    /// A beginning.
    Prefix(String),
    /// A pattern, escapes still in it.
    Wildcard(String),
    /// A regular expression of Lucene.
    Regexp(String),
    /// A text with a number of edits; `None` by its length.
    Fuzzy(String, Option<u8>),
    /// Ends of a range, each with whether it belongs to it; `None` is open.
    Range(Option<(String, bool)>, Option<(String, bool)>),
}

/// Parses a text that is asked of a number of fields; `None` for a blank one.
///
/// # Errors
/// `Engine` naming the text, as the engine of old does when a shard cannot parse it.
pub fn parse(
    text: &str,
    operator: Operator,
    fields: usize,
    budget: &mut Budget<'_>,
) -> Result<Option<Node>, SearchError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let failed = || {
        SearchError::shard(
            "query_shard_exception",
            format!("Failed to parse query [{text}]"),
        )
    };
    let tokens = lexer::tokens(text).ok_or_else(failed)?;
    budget.spend(tokens.len().saturating_mul(fields))?;
    parser::parse(tokens, operator, budget.limits.max_depth)
        .map(Some)
        .ok_or_else(failed)
}

/// Puts a backslash before everything that is an operator, so that the text stands for itself.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '+'
                | '-'
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
                | '|'
                | '&'
                | '/'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
