// SPDX-License-Identifier: MPL-2.0
//! The query tree: what a body asks, checked for shape, not yet met with the fields of an index.

pub mod date_math;
mod literal;
mod members;
pub mod minimum;
mod parse;
mod parse_bool;
mod parse_text;
pub mod query_string;
pub mod regexp;
pub mod wildcard;

pub use literal::Literal;
pub(crate) use members::{Members, kind_name, object, token_name};
pub use minimum::Minimum;
pub use parse::{Budget, parse};

/// A clause with its weight in the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What must hold.
    pub clause: Clause,
    /// Factor on the score.
    pub boost: f32,
}

impl Query {
    /// Creates a query of weight 1.
    pub fn new(clause: Clause) -> Self {
        Self { clause, boost: 1.0 }
    }

    /// Returns the query that every document matches.
    pub fn all() -> Self {
        Self::new(Clause::All)
    }
}

/// How the words of a text combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operator {
    /// One word is enough.
    #[default]
    Or,
    /// All words must match.
    And,
}

/// One clause.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// Every document.
    All,
    /// No document.
    None,
    /// A field has exactly this value (or word, on text fields).
    Term {
        /// Name of the field.
        field: String,
        /// The value.
        value: Literal,
    },
    /// A field has one of these values.
    Terms {
        /// Name of the field.
        field: String,
        /// The values.
        values: Vec<Literal>,
    },
    /// A field lies between bounds.
    Range {
        /// Name of the field.
        field: String,
        /// The bounds.
        range: Range,
    },
    /// A combination of clauses.
    Bool(Bool),
    /// The words of a text, in the field's own sense of words.
    Match {
        /// Name of the field.
        field: String,
        /// The text.
        text: Literal,
        /// How the words combine.
        operator: Operator,
        /// How many words must match, if not by the operator.
        minimum: Option<Minimum>,
    },
    /// The words of a text in a row.
    Phrase {
        /// Name of the field.
        field: String,
        /// The text.
        text: Literal,
        /// How far the words may be out of place.
        slop: u32,
    },
    /// A field has a value at all.
    Exists {
        /// Name, object or pattern.
        field: String,
    },
    /// A value (or word) begins with a text.
    Prefix {
        /// Name of the field.
        field: String,
        /// The text.
        value: String,
    },
    /// A value (or word) fits a pattern with `*` and `?`.
    Wildcard {
        /// Name of the field.
        field: String,
        /// The pattern, with backslash escapes.
        pattern: String,
    },
    /// A whole value (or word) fits a regular expression of Lucene.
    Regexp {
        /// Name of the field.
        field: String,
        /// The expression.
        pattern: String,
    },
    /// A value (or word) is a few edits away from a text.
    Fuzzy {
        /// Name of the field.
        field: String,
        /// The text.
        value: String,
        /// How many edits.
        edits: u8,
    },
    /// Documents by `_id`.
    Ids(Vec<String>),
    /// The best of several clauses counts.
    Best(Vec<Query>),
    /// A clause whose score is its weight.
    Constant(Box<Query>),
    /// A text in the search syntax for humans.
    QueryString(Box<query_string::QueryString>),
}

/// The parts of a `bool` clause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bool {
    /// Must match and count for the score.
    pub must: Vec<Query>,
    /// Must match.
    pub filter: Vec<Query>,
    /// May match, or [`Self::minimum`] of them must.
    pub should: Vec<Query>,
    /// Must not match.
    pub must_not: Vec<Query>,
    /// How many of `should` must match.
    pub minimum: Option<Minimum>,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The value.
    pub value: Literal,
    /// Whether the value itself belongs to the range.
    pub is_inclusive: bool,
}

/// The bounds of a `range` clause; none at all asks for any value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// The lower end.
    pub lower: Option<Bound>,
    /// The upper end.
    pub upper: Option<Bound>,
    /// Minutes east of Greenwich for dates without a zone.
    pub zone_minutes: i32,
}
