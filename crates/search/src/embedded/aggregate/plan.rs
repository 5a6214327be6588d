// SPDX-License-Identifier: MPL-2.0
//! Aggregations met with the fields of builds: columns and filters are looked up once, however many
//! buckets use them.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;
use tantivy::BitSet;

use crate::aggs::{Aggregation, Kind, Order, Terms};
use crate::embedded::column::{Keys, NO_RANK, Ranks};
use crate::embedded::compile::Compiler;
use crate::embedded::literal;
use crate::embedded::matches::{self, Deadline};
use crate::embedded::snapshot::{Doc, Snapshot};
use crate::embedded::sort::{self, no_fielddata};
use crate::error::SearchError;
use crate::query::{Clause, Literal, Query};
use crate::request::{SortKey, SourceFilter};
use crate::schema::{FieldKind, field};

/// One aggregation, ready to run.
pub(in crate::embedded) struct Plan {
    pub(super) name: String,
    pub(super) kind: PlanKind,
    pub(super) subs: Vec<Plan>,
    pub(super) meta: Option<Value>,
}

pub(super) enum PlanKind {
    Terms(Box<TermsPlan>),
    Filter(Rc<FilterDocs>),
    Cardinality(Option<Arc<Ranks>>),
    TopHits(Box<TopHitsPlan>),
}

pub(super) struct TermsPlan {
    /// `None` for a field that no document has.
    pub ranks: Option<Arc<Ranks>>,
    pub kind: FieldKind,
    pub size: usize,
    pub min_doc_count: u64,
    pub order: Vec<Order>,
    /// Ranks that may have a bucket; `None` for all.
    pub allowed: Option<Vec<bool>>,
    /// Whether documents without a value have a rank as well.
    pub counts_missing: bool,
}

pub(super) struct TopHitsPlan {
    pub from: u64,
    pub size: u64,
    pub sort: Vec<SortKey>,
    pub order: sort::Plan,
    pub source: SourceFilter,
}

/// The documents of a filter.
pub(super) enum FilterDocs {
    All,
    Some {
        docs: Vec<Doc>,
        bits: OnceCell<BitSet>,
    },
}

impl FilterDocs {
    pub fn to_bits(&self, doc_count: Doc) -> BitSet {
        let mut bits = BitSet::with_max_value(doc_count);
        if let Self::Some { docs, .. } = self {
            for doc in docs {
                bits.insert(*doc);
            }
        }
        bits
    }
}

/// Meets aggregations with one snapshot.
pub(in crate::embedded) struct Planner<'a, 'b> {
    pub snapshot: &'a Snapshot,
    pub deadline: &'a Deadline,
    pub compiler: RefCell<Compiler<'b>>,
    /// Equal filters are evaluated once: the user interface sends one per facet.
    filters: RefCell<Vec<(Query, Rc<FilterDocs>)>>,
}

impl<'a, 'b> Planner<'a, 'b> {
    pub fn new(snapshot: &'a Snapshot, deadline: &'a Deadline, compiler: Compiler<'b>) -> Self {
        Self {
            snapshot,
            deadline,
            compiler: RefCell::new(compiler),
            filters: RefCell::default(),
        }
    }

    /// Plans aggregations with those below them.
    pub fn plan(&self, aggregations: &[Aggregation]) -> Result<Vec<Plan>, SearchError> {
        aggregations
            .iter()
            .map(|aggregation| {
                let kind = match &aggregation.kind {
                    Kind::Terms(terms) => PlanKind::Terms(Box::new(self.terms(terms)?)),
                    Kind::Filter(query) => PlanKind::Filter(self.filter(query)?),
                    Kind::Cardinality { field, missing } => {
                        let (ranks, _) = self.ranks(field, missing.as_ref())?;
                        PlanKind::Cardinality(ranks)
                    }
                    Kind::TopHits(options) => PlanKind::TopHits(Box::new(TopHitsPlan {
                        from: options.from,
                        size: options.size,
                        order: sort::Plan::new(self.snapshot, &options.sort)?,
                        sort: options.sort.clone(),
                        source: options.source.clone(),
                    })),
                };
                Ok(Plan {
                    name: aggregation.name.clone(),
                    kind,
                    subs: self.plan(&aggregation.subs)?,
                    meta: aggregation.meta.clone(),
                })
            })
            .collect()
    }

    fn filter(&self, query: &Query) -> Result<Rc<FilterDocs>, SearchError> {
        let mut filters = self.filters.borrow_mut();
        if let Some((_, docs)) = filters.iter().find(|(other, _)| other == query) {
            return Ok(Rc::clone(docs));
        }
        let docs = Rc::new(if query.clause == Clause::All {
            FilterDocs::All
        } else {
            let compiled = self.compiler.borrow_mut().query(query)?;
            let docs = matches::documents(self.snapshot, compiled.as_ref(), self.deadline)?;
            FilterDocs::Some {
                docs,
                bits: OnceCell::new(),
            }
        });
        filters.push((query.clone(), Rc::clone(&docs)));
        Ok(docs)
    }

    fn terms(&self, terms: &Terms) -> Result<TermsPlan, SearchError> {
        let (ranks, kind) = self.ranks(&terms.field, terms.missing.as_ref())?;
        let allowed = match &ranks {
            Some(ranks) => self.allowed(terms, ranks, kind)?,
            None => None,
        };
        Ok(TermsPlan {
            ranks,
            kind,
            size: terms.size,
            min_doc_count: terms.min_doc_count,
            order: terms.order.clone(),
            allowed,
            counts_missing: terms.missing.is_some(),
        })
    }

    /// Returns the ranks of a field, those of missing values included if they shall count.
    fn ranks(
        &self,
        name: &str,
        missing: Option<&Literal>,
    ) -> Result<(Option<Arc<Ranks>>, FieldKind), SearchError> {
        let Some(info) = field(name) else {
            return Ok((None, FieldKind::Keyword));
        };
        if info.kind == FieldKind::Text {
            return Err(no_fielddata(name));
        }
        let ranks = self.snapshot.ranks(info)?;
        let Some(missing) = missing else {
            return Ok((Some(ranks), info.kind));
        };
        let ranks = match info.kind {
            FieldKind::Keyword | FieldKind::Text => with_missing_text(&ranks, &missing.to_text()),
            FieldKind::Date | FieldKind::Long => match literal::long(missing)? {
                literal::Long::Whole(number) | literal::Long::Between(number) => {
                    with_missing_number(&ranks, number)
                }
            },
        };
        Ok((Some(Arc::new(ranks)), info.kind))
    }

    /// Evaluates `include` and `exclude` for each value once.
    fn allowed(
        &self,
        terms: &Terms,
        ranks: &Ranks,
        kind: FieldKind,
    ) -> Result<Option<Vec<bool>>, SearchError> {
        let mut filter = terms.filter.clone();
        if filter.include.is_none() && filter.exclude.is_none() {
            return Ok(None);
        }
        let mut allowed = Vec::with_capacity(ranks.keys.len());
        for rank in (0..NO_RANK).take(ranks.keys.len()) {
            if rank.is_multiple_of(8_192) {
                self.deadline.check()?;
            }
            let text = super::buckets::key_text(ranks, rank, kind);
            let is_included = filter
                .include
                .as_mut()
                .map_or(Ok(true), |choice| choice.covers(&text))?;
            let is_excluded = is_included
                && filter
                    .exclude
                    .as_mut()
                    .map_or(Ok(false), |choice| choice.covers(&text))?;
            allowed.push(is_included && !is_excluded);
        }
        Ok(Some(allowed))
    }
}

/// Gives documents without a value the rank of `rank`, after moving those from it on up if the
/// value is new.
fn filled(of_doc: &[u32], rank: u32, is_new: bool) -> Vec<u32> {
    of_doc
        .iter()
        .map(|old| match *old {
            NO_RANK => rank,
            old if is_new && old >= rank => old + 1,
            old => old,
        })
        .collect()
}

fn with_missing_text(ranks: &Ranks, text: &str) -> Ranks {
    let (rank, is_there) = ranks.keys.search_text(text);
    let of_doc = filled(&ranks.of_doc, rank, !is_there);
    let Keys::Text { bytes, ends } = &ranks.keys else {
        return Ranks {
            of_doc,
            keys: Keys::Numbers(Vec::new()),
        };
    };
    let (mut bytes, mut ends) = (bytes.clone(), ends.clone());
    if !is_there {
        let at = usize::try_from(rank).unwrap_or(0).min(ends.len());
        let start = at
            .checked_sub(1)
            .and_then(|before| ends.get(before))
            .copied()
            .unwrap_or(0);
        bytes.insert_str(start, text);
        ends.insert(at, start);
        ends.iter_mut().skip(at).for_each(|end| *end += text.len());
    }
    Ranks {
        of_doc,
        keys: Keys::Text { bytes, ends },
    }
}

fn with_missing_number(ranks: &Ranks, number: i64) -> Ranks {
    let mut keys = match &ranks.keys {
        Keys::Numbers(numbers) => numbers.clone(),
        Keys::Text { .. } => Vec::new(),
    };
    let found = keys.binary_search(&number);
    let (Ok(at) | Err(at)) = found;
    if found.is_err() {
        keys.insert(at, number);
    }
    let of_doc = filled(
        &ranks.of_doc,
        u32::try_from(at).unwrap_or(NO_RANK),
        found.is_err(),
    );
    Ranks {
        of_doc,
        keys: Keys::Numbers(keys),
    }
}
