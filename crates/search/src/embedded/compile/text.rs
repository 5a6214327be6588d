// SPDX-License-Identifier: MPL-2.0
//! `query_string` against the fields of builds.

use tantivy::query::{AllQuery, DisjunctionMaxQuery, Occur, Query as IndexQuery};

use super::{Compiled, Compiler, boosted, combined, nothing};
use crate::embedded::matcher::Matcher;
use crate::embedded::tokenizer;
use crate::error::SearchError;
use crate::query::query_string::{self, Leaf, Node, Options, QueryString};
use crate::query::wildcard::Wildcard;
use crate::query::{Bound, Literal, Operator, Range};
use crate::schema::{FIELDS, FieldInfo, FieldKind, fields_matching};

impl Compiler<'_> {
    pub(super) fn query_string(&mut self, text: &QueryString) -> Compiled {
        match &text.root {
            None => nothing(),
            Some(Node::Group(parts)) => self.group(parts, &text.options, true),
            Some(node) => self.node(node, &text.options),
        }
    }

    fn node(&mut self, node: &Node, options: &Options) -> Compiled {
        match node {
            Node::Group(parts) => self.group(parts, options, false),
            Node::Boost(inner, boost) => Ok(boosted(self.node(inner, options)?, *boost)),
            Node::All => Ok(Box::new(AllQuery)),
            Node::Exists(field) => self.exists(field),
            Node::Leaf { field, leaf } => self.leaf(field.as_deref(), leaf, options),
        }
    }

    fn group(
        &mut self,
        parts: &[(query_string::Occur, Node)],
        options: &Options,
        is_root: bool,
    ) -> Compiled {
        let mut clauses = Vec::new();
        for (occur, node) in parts {
            let is_negation = *occur == query_string::Occur::MustNot;
            self.negations += u32::from(is_negation);
            let query = self.node(node, options);
            self.negations -= u32::from(is_negation);
            let occur = match occur {
                query_string::Occur::Must => Occur::Must,
                query_string::Occur::Should => Occur::Should,
                query_string::Occur::MustNot => Occur::MustNot,
            };
            clauses.push((occur, query?));
        }
        let optional = clauses
            .iter()
            .filter(|(occur, _)| *occur == Occur::Should)
            .count();
        let has_required = clauses.iter().any(|(occur, _)| *occur == Occur::Must);
        let default = usize::from(!has_required && optional > 0);
        let minimum = options
            .minimum
            .filter(|_| is_root && optional > 0)
            .map_or(default, |minimum| minimum.of(optional).max(default));
        Ok(combined(clauses, minimum, optional))
    }

    /// A leaf in each of its fields; the best of them counts.
    fn leaf(&mut self, field: Option<&str>, leaf: &Leaf, options: &Options) -> Compiled {
        let all = || {
            FIELDS
                .iter()
                .filter(|info| info.name == info.path)
                .map(|info| (info, 1.0))
                .collect()
        };
        let fields: Vec<(&'static FieldInfo, f32)> = match field {
            Some(name) => fields_matching(name)
                .into_iter()
                .map(|info| (info, 1.0))
                .collect(),
            None if options.fields.is_empty() => all(),
            None => options
                .fields
                .iter()
                .flat_map(|(name, boost)| {
                    fields_matching(name)
                        .into_iter()
                        .map(move |info| (info, *boost))
                })
                .collect(),
        };
        let searches_all = field.is_none() && options.fields.is_empty();
        let is_lenient = options.is_lenient.unwrap_or(searches_all);
        let mut queries: Vec<Box<dyn IndexQuery>> = Vec::new();
        for (info, boost) in fields {
            match self.leaf_in(info, leaf, options) {
                Ok(query) => queries.push(boosted(query, boost)),
                Err(SearchError::Engine(_)) if is_lenient && !is_pattern(leaf) => {}
                Err(SearchError::Engine(_)) if is_lenient && is_number(info) => {}
                Err(error) => return Err(error),
            }
        }
        match (queries.pop(), queries.is_empty()) {
            (None, _) => nothing(),
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                queries.push(last);
                Ok(Box::new(DisjunctionMaxQuery::new(queries)))
            }
        }
    }

    fn leaf_in(&mut self, info: &'static FieldInfo, leaf: &Leaf, options: &Options) -> Compiled {
        let is_text = info.kind == FieldKind::Text;
        let lower = |text: &str| {
            if is_text {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        match leaf {
            Leaf::Text(text) if is_text => self.words(info, text, options.default_operator, None),
            Leaf::Text(text) if info.kind == FieldKind::Keyword && options.splits_keywords => {
                self.split_keyword(info, text, options.default_operator)
            }
            Leaf::Phrase(text, slop) if is_text => {
                self.words_in_a_row(info, text, slop.unwrap_or(options.phrase_slop))
            }
            Leaf::Text(text) | Leaf::Phrase(text, _) if is_number(info) => {
                let whole = Some(Bound {
                    value: Literal::Text(text.clone()),
                    is_inclusive: true,
                });
                let range = Range {
                    lower: whole.clone(),
                    upper: whole,
                    zone_minutes: options.zone_minutes,
                };
                self.range(info.name, &range)
            }
            Leaf::Text(text) | Leaf::Phrase(text, _) => self.exact(info, text),
            Leaf::Prefix(text) => {
                self.tested("prefix", info.name, || Ok(Matcher::Prefix(lower(text))))
            }
            Leaf::Wildcard(pattern) => self.tested("wildcard", info.name, || {
                let pattern = Wildcard::new(pattern);
                Ok(Matcher::Wildcard(if is_text {
                    pattern.to_lowercase()
                } else {
                    pattern
                }))
            }),
            Leaf::Regexp(pattern) => self.tested("regexp", info.name, || Matcher::regexp(pattern)),
            Leaf::Fuzzy(text, edits) => self.tested("fuzzy", info.name, || {
                Ok(Matcher::fuzzy(&lower(text), *edits))
            }),
            Leaf::Range(from, to) => {
                let end = |end: &Option<(String, bool)>| {
                    end.as_ref().map(|(text, is_inclusive)| Bound {
                        value: Literal::Text(lower(text)),
                        is_inclusive: *is_inclusive,
                    })
                };
                let zone_minutes = options.zone_minutes;
                self.range(
                    info.name,
                    &Range {
                        lower: end(from),
                        upper: end(to),
                        zone_minutes,
                    },
                )
            }
        }
    }

    /// With the analyzer for text, a keyword field is asked for each word on its own.
    fn split_keyword(
        &mut self,
        info: &'static FieldInfo,
        text: &str,
        operator: Operator,
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
        let wanted = if operator == Operator::And { count } else { 1 };
        let clauses = queries
            .into_iter()
            .map(|query| (Occur::Should, query))
            .collect();
        Ok(combined(clauses, wanted, count))
    }
}

/// Tells whether bad syntax may sit in the leaf, which no leniency hides.
fn is_pattern(leaf: &Leaf) -> bool {
    matches!(leaf, Leaf::Regexp(_))
}

fn is_number(info: &FieldInfo) -> bool {
    matches!(info.kind, FieldKind::Date | FieldKind::Long)
}
