// SPDX-License-Identifier: MPL-2.0
//! From the query tree to queries of the index below: here clauses meet the fields of builds.

use std::collections::HashSet;
use std::ops::Bound as End;

use chrono::{DateTime, Utc};
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery,
    ExistsQuery, Occur, PhraseQuery, Query as IndexQuery, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::column::NO_NUMBER;
use super::literal;
use super::mapping::Mapping;
use super::matcher::{self, DocBits, Matcher};
use super::matches::Deadline;
use super::snapshot::Snapshot;
use super::tokenizer;
use crate::error::SearchError;
use crate::query::wildcard::Wildcard;
use crate::query::{Bool, Clause, Literal, Minimum, Operator, Query, Range};
use crate::schema::{FieldInfo, FieldKind, field, fields_matching};

mod text;

/// Compiles clauses against one snapshot.
pub(super) struct Compiler<'a> {
    pub mapping: &'a Mapping,
    pub snapshot: &'a Snapshot,
    pub deadline: &'a Deadline,
    /// What `now` means.
    pub now: DateTime<Utc>,
    marks: Vec<Mark>,
    /// Above zero inside of what must not match.
    negations: u32,
}

/// A test that a matching document passed, for marking the value in the hit.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub field: &'static FieldInfo,
    pub matcher: Matcher,
}

type Compiled = Result<Box<dyn IndexQuery>, SearchError>;

impl<'a> Compiler<'a> {
    pub fn new(
        mapping: &'a Mapping,
        snapshot: &'a Snapshot,
        deadline: &'a Deadline,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            mapping,
            snapshot,
            deadline,
            now,
            marks: Vec::new(),
            negations: 0,
        }
    }

    /// Returns the tests of all queries compiled so far.
    pub fn into_marks(self) -> Vec<Mark> {
        self.marks
    }

    /// Compiles a query.
    pub fn query(&mut self, query: &Query) -> Compiled {
        let inner = self.clause(&query.clause)?;
        Ok(boosted(inner, query.boost))
    }

    fn clause(&mut self, clause: &Clause) -> Compiled {
        match clause {
            Clause::All => Ok(Box::new(AllQuery)),
            Clause::None => nothing(),
            Clause::Term { field, value } => self.term(field, value),
            Clause::Terms { field, values } => self.terms(field, values),
            Clause::Range { field, range } => self.range(field, range),
            Clause::Bool(parts) => self.boolean(parts),
            Clause::Match {
                field,
                text,
                operator,
                minimum,
            } => self.matching(field, text, *operator, *minimum),
            Clause::Phrase { field, text, slop } => self.phrase(field, text, *slop),
            Clause::Exists { field } => self.exists(field),
            Clause::Prefix { field, value } => {
                self.tested("prefix", field, || Ok(Matcher::Prefix(value.clone())))
            }
            Clause::Wildcard { field, pattern } => self.tested("wildcard", field, || {
                Ok(Matcher::Wildcard(Wildcard::new(pattern)))
            }),
            Clause::Regexp { field, pattern } => {
                self.tested("regexp", field, || Matcher::regexp(pattern))
            }
            Clause::Fuzzy {
                field,
                value,
                edits,
            } => self.tested("fuzzy", field, || Ok(Matcher::fuzzy(value, Some(*edits)))),
            Clause::Ids(ids) => Ok(self.ids(ids)),
            Clause::Best(queries) => {
                let queries = self.queries(queries)?;
                Ok(Box::new(DisjunctionMaxQuery::new(queries)))
            }
            Clause::Constant(inner) => {
                let inner = self.query(inner)?;
                Ok(Box::new(ConstScoreQuery::new(inner, 1.0)))
            }
            Clause::QueryString(text) => self.query_string(text),
        }
    }

    fn queries(&mut self, queries: &[Query]) -> Result<Vec<Box<dyn IndexQuery>>, SearchError> {
        queries.iter().map(|query| self.query(query)).collect()
    }

    fn field(&self, info: &FieldInfo) -> Result<Field, SearchError> {
        self.mapping.field(info).ok_or_else(|| {
            SearchError::Internal(releng_common::Error::internal(
                "a field is not in the index",
            ))
        })
    }

    fn mark(&mut self, field: &'static FieldInfo, matcher: Matcher) {
        if self.negations == 0 {
            self.marks.push(Mark { field, matcher });
        }
    }

    fn term(&mut self, name: &str, value: &Literal) -> Compiled {
        if name == "_id" {
            return Ok(self.ids(&[value.to_text()]));
        }
        let Some(info) = field(name) else {
            return nothing();
        };
        match info.kind {
            FieldKind::Keyword | FieldKind::Text => self.exact(info, &value.to_text()),
            FieldKind::Long => match literal::long(value)? {
                literal::Long::Whole(number) => self.numbers(info, number, number),
                literal::Long::Between(_) => nothing(),
            },
            FieldKind::Date => {
                let (from, to) = literal::date_span(info, value, self.now)?;
                self.numbers(info, from, to)
            }
        }
    }

    /// A whole value of a keyword field or a word of a text field.
    fn exact(&mut self, info: &'static FieldInfo, text: &str) -> Compiled {
        let field = self.field(info)?;
        self.mark(info, Matcher::Exact(text.to_owned()));
        let record = match info.kind {
            FieldKind::Text => IndexRecordOption::WithFreqs,
            _ => IndexRecordOption::Basic,
        };
        Ok(Box::new(TermQuery::new(
            Term::from_field_text(field, text),
            record,
        )))
    }

    fn terms(&mut self, name: &str, values: &[Literal]) -> Compiled {
        if name == "_id" {
            let ids: Vec<String> = values.iter().map(Literal::to_text).collect();
            return Ok(self.ids(&ids));
        }
        let Some(info) = field(name) else {
            return nothing();
        };
        if matches!(info.kind, FieldKind::Date | FieldKind::Long) {
            return self.number_terms(info, values);
        }
        let field = self.field(info)?;
        let texts: HashSet<String> = values.iter().map(Literal::to_text).collect();
        let terms: Vec<Term> = texts
            .iter()
            .map(|text| Term::from_field_text(field, text))
            .collect();
        self.mark(info, Matcher::OneOf(texts));
        Ok(constant(Box::new(TermSetQuery::new(terms))))
    }

    /// One look at each document for all values: there may be tens of thousands.
    fn number_terms(&self, info: &FieldInfo, values: &[Literal]) -> Compiled {
        let mut spans = Vec::new();
        for value in values {
            match info.kind {
                FieldKind::Date => spans.push(literal::date_span(info, value, self.now)?),
                _ => {
                    if let literal::Long::Whole(number) = literal::long(value)? {
                        spans.push((number, number));
                    }
                }
            }
        }
        let spans = literal::disjoint(spans);
        let numbers = self.snapshot.numbers(info)?;
        let is_in = |number: i64| {
            let after = spans.partition_point(|(from, _)| *from <= number);
            let span = after.checked_sub(1).and_then(|at| spans.get(at));
            number != NO_NUMBER && span.is_some_and(|(_, to)| number <= *to)
        };
        Ok(constant(Box::new(DocBits::of_numbers(
            self.snapshot,
            &numbers,
            is_in,
        ))))
    }

    /// Numbers from one to another, both included.
    fn numbers(&self, info: &FieldInfo, from: i64, to: i64) -> Compiled {
        if from > to {
            return nothing();
        }
        let field = self.field(info)?;
        let end = |number| End::Included(Term::from_field_i64(field, number));
        Ok(constant(Box::new(RangeQuery::new(end(from), end(to)))))
    }

    fn range(&mut self, name: &str, range: &Range) -> Compiled {
        let Some(info) = field(name) else {
            return nothing();
        };
        if range.lower.is_none() && range.upper.is_none() {
            return self.exists(name);
        }
        match info.kind {
            FieldKind::Keyword => self.keyword_range(info, range),
            FieldKind::Text => self.test(info, literal::text_span(range)),
            FieldKind::Long => {
                let (from, to) = literal::long_range(range)?;
                self.numbers(info, from, to)
            }
            FieldKind::Date => {
                let (from, to) = literal::date_range(info, range, self.now)?;
                self.numbers(info, from, to)
            }
        }
    }

    fn keyword_range(&mut self, info: &'static FieldInfo, range: &Range) -> Compiled {
        let field = self.field(info)?;
        let end = |bound: &Option<crate::query::Bound>| match bound {
            None => End::Unbounded,
            Some(bound) => {
                let term = Term::from_field_text(field, &bound.value.to_text());
                if bound.is_inclusive {
                    End::Included(term)
                } else {
                    End::Excluded(term)
                }
            }
        };
        let query = RangeQuery::new(end(&range.lower), end(&range.upper));
        self.mark(info, literal::text_span(range));
        Ok(constant(Box::new(query)))
    }

    fn exists(&mut self, name: &str) -> Compiled {
        let mut queries: Vec<Box<dyn IndexQuery>> = Vec::new();
        for info in fields_matching(name) {
            queries.push(match info.kind {
                FieldKind::Text => self.documents(info, &mut Matcher::Any)?,
                _ => constant(Box::new(ExistsQuery::new(info.name.to_owned(), false))),
            });
        }
        if matches!(name, "_id" | "_index" | "_source") {
            queries.push(Box::new(AllQuery));
        }
        Ok(constant(any_of(queries)))
    }

    /// Values or words that pass a test.
    fn tested(
        &mut self,
        clause: &str,
        name: &str,
        matcher: impl FnOnce() -> Result<Matcher, SearchError>,
    ) -> Compiled {
        let matcher = matcher()?;
        let Some(info) = field(name) else {
            return nothing();
        };
        if matches!(info.kind, FieldKind::Date | FieldKind::Long) {
            return Err(SearchError::shard(
                "query_shard_exception",
                format!(
                    "Can only use {clause} queries on keyword and text fields - not on [{name}]"
                ),
            ));
        }
        self.test(info, matcher)
    }

    fn test(&mut self, info: &'static FieldInfo, mut matcher: Matcher) -> Compiled {
        let found = self.documents(info, &mut matcher)?;
        self.mark(info, matcher);
        Ok(found)
    }

    fn documents(&self, info: &FieldInfo, matcher: &mut Matcher) -> Compiled {
        Ok(Box::new(matcher::documents_with(
            self.snapshot,
            self.deadline,
            self.field(info)?,
            matcher,
        )?))
    }

    fn ids(&self, ids: &[String]) -> Box<dyn IndexQuery> {
        let terms = ids
            .iter()
            // `007` is the id of no document although it is a number.
            .filter_map(|id| {
                id.parse::<i64>()
                    .ok()
                    .filter(|number| number.to_string() == *id)
            })
            .map(|id| Term::from_field_i64(self.mapping.id, id));
        constant(Box::new(TermSetQuery::new(terms)))
    }

    fn boolean(&mut self, parts: &Bool) -> Compiled {
        let mut clauses: Vec<(Occur, Box<dyn IndexQuery>)> = Vec::new();
        for query in self.queries(&parts.must)? {
            clauses.push((Occur::Must, query));
        }
        for query in self.queries(&parts.filter)? {
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0))));
        }
        let is_optional = !clauses.is_empty();
        for query in self.queries(&parts.should)? {
            clauses.push((Occur::Should, query));
        }
        self.negations += 1;
        let excluded = self.queries(&parts.must_not);
        self.negations -= 1;
        let default = usize::from(!is_optional && !parts.should.is_empty());
        let minimum = match parts.minimum {
            None => default,
            Some(minimum) => minimum.of(parts.should.len()).max(default),
        };
        for query in excluded? {
            clauses.push((Occur::MustNot, query));
        }
        Ok(combined(clauses, minimum, parts.should.len()))
    }

    fn matching(
        &mut self,
        name: &str,
        text: &Literal,
        operator: Operator,
        minimum: Option<Minimum>,
    ) -> Compiled {
        let Some(info) = field(name).filter(|info| info.kind == FieldKind::Text) else {
            return self.term(name, text);
        };
        self.words(info, &text.to_text(), operator, minimum)
    }

    /// The words of a text on a text field.
    fn words(
        &mut self,
        info: &'static FieldInfo,
        text: &str,
        operator: Operator,
        minimum: Option<Minimum>,
    ) -> Compiled {
        let words = tokenizer::words(text);
        let queries = words
            .iter()
            .map(|word| self.exact(info, &word.text))
            .collect::<Result<Vec<_>, _>>()?;
        let count = queries.len();
        if count == 0 {
            return nothing();
        }
        let wanted = match (operator, minimum) {
            (Operator::And, _) => count,
            (Operator::Or, Some(minimum)) => minimum.of(count).max(1),
            (Operator::Or, None) => 1,
        };
        let clauses = queries
            .into_iter()
            .map(|query| (Occur::Should, query))
            .collect();
        Ok(combined(clauses, wanted, count))
    }

    fn phrase(&mut self, name: &str, text: &Literal, slop: u32) -> Compiled {
        match field(name) {
            Some(info) if info.kind == FieldKind::Text => {
                self.words_in_a_row(info, &text.to_text(), slop)
            }
            _ => self.term(name, text),
        }
    }

    fn words_in_a_row(&mut self, info: &'static FieldInfo, text: &str, slop: u32) -> Compiled {
        let words = tokenizer::words(text);
        if words.len() < 2 {
            return self.words(info, text, Operator::And, None);
        }
        let field = self.field(info)?;
        let mut terms = Vec::new();
        for word in words {
            terms.push(Term::from_field_text(field, &word.text));
            self.mark(info, Matcher::Exact(word.text));
        }
        let mut query = PhraseQuery::new(terms);
        query.set_slop(slop);
        Ok(Box::new(query))
    }
}

/// No document at all.
fn nothing() -> Compiled {
    Ok(Box::new(EmptyQuery))
}

/// A query of which every match has the same score.
fn constant(query: Box<dyn IndexQuery>) -> Box<dyn IndexQuery> {
    Box::new(ConstScoreQuery::new(query, 1.0))
}

fn boosted(query: Box<dyn IndexQuery>, boost: f32) -> Box<dyn IndexQuery> {
    if boost.to_bits() == 1.0_f32.to_bits() {
        query
    } else {
        Box::new(BoostQuery::new(query, boost))
    }
}

fn any_of(mut queries: Vec<Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    match (queries.pop(), queries.is_empty()) {
        (None, _) => Box::new(EmptyQuery),
        (Some(only), true) => only,
        (Some(last), false) => {
            queries.push(last);
            Box::new(BooleanQuery::union(queries))
        }
    }
}

/// Combines clauses; what only excludes leaves everything else.
fn combined(
    mut clauses: Vec<(Occur, Box<dyn IndexQuery>)>,
    minimum: usize,
    should_count: usize,
) -> Box<dyn IndexQuery> {
    if minimum > should_count {
        return Box::new(EmptyQuery);
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    if let [(Occur::Must | Occur::Should, _)] = clauses.as_slice()
        && let Some((_, only)) = clauses.pop()
    {
        return only;
    }
    Box::new(BooleanQuery::with_minimum_required_clauses(
        clauses, minimum,
    ))
}
