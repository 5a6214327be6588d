// SPDX-License-Identifier: MPL-2.0
//! Aggregations over the documents of a query. Buckets are chosen level by level, and only the
//! documents of chosen buckets are looked at further down, so the work grows with the documents
//! and with the buckets that are sent.

mod buckets;
mod plan;

use std::cell::{Cell, OnceCell};

use serde_json::{Map, Value, json};
use tantivy::BitSet;

use super::column::NO_RANK;
use super::hits::Renderer;
use super::mapping::Mapping;
use super::matches::Deadline;
use super::snapshot::{Doc, Snapshot};
use super::sort::Top;
use crate::error::SearchError;
use crate::request::SortBy;
use crate::response::hits_json;

use plan::{FilterDocs, PlanKind, TopHitsPlan};
pub(super) use plan::{Plan, Planner};

/// The documents of a bucket.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// All that are not deleted.
    All,
    /// These, in the order of their numbers.
    Docs(&'a [Doc]),
}

/// What all aggregations of a search share.
pub(super) struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub mapping: &'a Mapping,
    pub deadline: &'a Deadline,
    /// Score by document, when hits of buckets want them.
    pub scores: Option<Vec<f32>>,
    pub max_buckets: usize,
    buckets_used: Cell<usize>,
    all: OnceCell<Vec<Doc>>,
}

impl<'a> Context<'a> {
    pub fn new(
        snapshot: &'a Snapshot,
        mapping: &'a Mapping,
        deadline: &'a Deadline,
        max_buckets: usize,
    ) -> Self {
        Self {
            snapshot,
            mapping,
            deadline,
            scores: None,
            max_buckets,
            buckets_used: Cell::new(0),
            all: OnceCell::new(),
        }
    }

    fn docs<'b>(&'b self, scope: Scope<'b>) -> &'b [Doc] {
        match scope {
            Scope::All => self.all.get_or_init(|| self.snapshot.all_docs()),
            Scope::Docs(docs) => docs,
        }
    }

    /// Counts buckets of the answer.
    fn spend_buckets(&self, count: usize) -> Result<(), SearchError> {
        let used = self.buckets_used.get().saturating_add(count);
        self.buckets_used.set(used);
        if used > self.max_buckets {
            return Err(SearchError::shard(
                "too_many_buckets_exception",
                format!("an answer may have {} buckets", self.max_buckets),
            ));
        }
        Ok(())
    }

    /// Computes aggregations over the documents of a bucket.
    pub fn run(&self, plans: &[Plan], scope: Scope<'_>) -> Result<Map<String, Value>, SearchError> {
        let mut results = Map::new();
        for plan in plans {
            self.deadline.check()?;
            let mut result = match &plan.kind {
                PlanKind::Terms(terms) => self.terms(terms, &plan.subs, scope)?,
                PlanKind::Filter(filter) => self.filter(filter, &plan.subs, scope)?,
                PlanKind::Cardinality(ranks) => {
                    let value = ranks
                        .as_ref()
                        .map_or(0, |ranks| buckets::distinct(self, ranks, scope));
                    Map::from_iter([("value".to_owned(), json!(value))])
                }
                PlanKind::TopHits(options) => self.top_hits(options, scope)?,
            };
            if let Some(meta) = &plan.meta {
                result.insert("meta".to_owned(), meta.clone());
            }
            results.insert(plan.name.clone(), Value::Object(result));
        }
        Ok(results)
    }

    fn filter(
        &self,
        filter: &FilterDocs,
        subs: &[Plan],
        scope: Scope<'_>,
    ) -> Result<Map<String, Value>, SearchError> {
        self.spend_buckets(1)?;
        let kept: Vec<Doc>;
        let inner = match (filter, scope) {
            (FilterDocs::All, scope) => scope,
            (FilterDocs::Some { docs, .. }, Scope::All) => Scope::Docs(docs),
            (FilterDocs::Some { bits, .. }, Scope::Docs(docs)) => {
                let bits: &BitSet = bits.get_or_init(|| filter.to_bits(self.snapshot.doc_count()));
                kept = docs
                    .iter()
                    .copied()
                    .filter(|doc| bits.contains(*doc))
                    .collect();
                Scope::Docs(&kept)
            }
        };
        let count = match inner {
            Scope::All => self.snapshot.searcher.num_docs(),
            Scope::Docs(docs) => u64::try_from(docs.len()).unwrap_or(u64::MAX),
        };
        let mut result = self.run(subs, inner)?;
        result.insert("doc_count".to_owned(), json!(count));
        Ok(result)
    }

    fn top_hits(
        &self,
        options: &TopHitsPlan,
        scope: Scope<'_>,
    ) -> Result<Map<String, Value>, SearchError> {
        let wanted =
            usize::try_from(options.from.saturating_add(options.size)).unwrap_or(usize::MAX);
        let mut top = Top::new(&options.order, wanted);
        let docs = self.docs(scope);
        for doc in docs {
            top.push(*doc, self.score(*doc));
        }
        let shows_scores =
            options.sort.is_empty() || options.sort.iter().any(|key| key.by == SortBy::Score);
        let max_score = (shows_scores && !docs.is_empty()).then(|| top.max_score());
        let renderer = Renderer {
            snapshot: self.snapshot,
            mapping: self.mapping,
            plan: &options.order,
            source: &options.source,
            shows_scores,
            shows_sort: !options.sort.is_empty(),
        };
        let skipped = usize::try_from(options.from).unwrap_or(usize::MAX);
        let hits = top
            .into_sorted()
            .iter()
            .skip(skipped)
            .map(|candidate| renderer.hit(candidate, None))
            .collect::<Result<Vec<_>, _>>()?;
        // A hit costs as much as a bucket at least.
        self.spend_buckets(hits.len())?;
        let total = u64::try_from(docs.len()).unwrap_or(u64::MAX);
        Ok(Map::from_iter([(
            "hits".to_owned(),
            hits_json(total, max_score, hits),
        )]))
    }

    fn score(&self, doc: Doc) -> f32 {
        let at = usize::try_from(doc).unwrap_or(usize::MAX);
        self.scores
            .as_ref()
            .and_then(|scores| scores.get(at))
            .copied()
            .unwrap_or(1.0)
    }
}

/// Returns the rank of a document, [`NO_RANK`] beyond the end.
fn rank_of(of_doc: &[u32], doc: Doc) -> u32 {
    usize::try_from(doc)
        .ok()
        .and_then(|at| of_doc.get(at))
        .copied()
        .unwrap_or(NO_RANK)
}
