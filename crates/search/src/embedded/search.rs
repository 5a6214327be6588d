// SPDX-License-Identifier: MPL-2.0
//! One search from the parsed body to the answer.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query as IndexQuery};

use super::aggregate::{Context, Planner, Scope};
use super::compile::{Compiler, Mark};
use super::hits::Renderer;
use super::mapping::Mapping;
use super::matches::{self, Deadline};
use super::snapshot::{Doc, Snapshot};
use super::sort::{Plan, Top};
use crate::aggs::{Aggregation, Kind};
use crate::error::SearchError;
use crate::limits::Limits;
use crate::query::Clause;
use crate::request::{Request, SortBy};
use crate::response::Answer;

/// What a search needs beside its body.
pub(super) struct Search<'a> {
    pub snapshot: &'a Snapshot,
    pub mapping: &'a Mapping,
    pub limits: &'a Limits,
    pub now: DateTime<Utc>,
    pub deadline: Deadline,
}

impl Search<'_> {
    /// Answers a body.
    pub fn run(&self, request: Request) -> Result<Value, SearchError> {
        let mut compiler = Compiler::new(self.mapping, self.snapshot, &self.deadline, self.now);
        let query = compiler.query(&request.query)?;
        let marks = compiler.into_marks();
        let mut answer = Answer {
            suggest: request.suggest.clone(),
            ..Answer::default()
        };
        if request.aggregations.is_empty() {
            self.hits(&request, query.as_ref(), marks, &mut answer)?;
        } else {
            self.with_aggregations(&request, query.as_ref(), marks, &mut answer)?;
        }
        Ok(answer.into_json(self.deadline.elapsed_ms()))
    }

    fn compiler(&self) -> Compiler<'_> {
        Compiler::new(self.mapping, self.snapshot, &self.deadline, self.now)
    }

    fn with_aggregations(
        &self,
        request: &Request,
        query: &dyn IndexQuery,
        marks: Vec<Mark>,
        answer: &mut Answer,
    ) -> Result<(), SearchError> {
        let planner = Planner::new(self.snapshot, &self.deadline, self.compiler());
        let plans = planner.plan(&request.aggregations)?;
        let mut context = Context::new(
            self.snapshot,
            self.mapping,
            &self.deadline,
            self.limits.max_buckets,
        );
        let docs = match request.query.clause {
            Clause::All => None,
            _ => Some(matches::documents(self.snapshot, query, &self.deadline)?),
        };
        if docs.is_some() && wants_scores(&request.aggregations) {
            context.scores = Some(self.scores(query)?);
        }
        let scope = docs.as_deref().map_or(Scope::All, Scope::Docs);
        answer.aggregations = Some(context.run(&plans, scope)?);
        if request.size == 0 && request.post_filter.is_none() {
            answer.total = match scope {
                Scope::All => self.snapshot.searcher.num_docs(),
                Scope::Docs(docs) => u64::try_from(docs.len()).unwrap_or(u64::MAX),
            };
            // An order that cannot be is refused whether or not a hit is shown.
            Plan::new(self.snapshot, &request.sort)?;
            return Ok(());
        }
        self.hits(request, query, marks, answer)
    }

    /// Returns the score of each document of the query.
    fn scores(&self, query: &dyn IndexQuery) -> Result<Vec<f32>, SearchError> {
        let count = usize::try_from(self.snapshot.doc_count()).unwrap_or(0);
        let mut scores = vec![0.0; count];
        matches::scored(self.snapshot, query, &self.deadline, |doc, score| {
            if let Some(place) = usize::try_from(doc).ok().and_then(|at| scores.get_mut(at)) {
                *place = score;
            }
        })?;
        Ok(scores)
    }

    fn hits(
        &self,
        request: &Request,
        query: &dyn IndexQuery,
        mut marks: Vec<Mark>,
        answer: &mut Answer,
    ) -> Result<(), SearchError> {
        let filtered = self.filtered(request, query)?;
        let plan = Plan::new(self.snapshot, &request.sort)?;
        if request.size == 0 {
            answer.total = matches::count(self.snapshot, filtered.as_ref())?;
            return Ok(());
        }
        let is_sorted = !request.sort.is_empty();
        let sorts_by_score = request.sort.iter().any(|key| key.by == SortBy::Score);
        let shows_scores = !is_sorted || sorts_by_score || request.tracks_scores;
        let window = request.from.saturating_add(request.size);
        let mut top = Top::new(&plan, usize::try_from(window).unwrap_or(usize::MAX));
        let mut total = 0_u64;
        let mut push = |doc: Doc, score: f32| {
            total += 1;
            top.push(doc, score);
        };
        if shows_scores || plan.needs_scores() {
            matches::scored(self.snapshot, filtered.as_ref(), &self.deadline, push)?;
        } else {
            for doc in matches::documents(self.snapshot, filtered.as_ref(), &self.deadline)? {
                push(doc, 0.0);
            }
        }
        answer.total = total;
        let max_score = top.max_score();
        let renderer = Renderer {
            snapshot: self.snapshot,
            mapping: self.mapping,
            plan: &plan,
            source: &request.source,
            shows_scores,
            shows_sort: is_sorted,
        };
        let skipped = usize::try_from(request.from).unwrap_or(usize::MAX);
        for candidate in top.into_sorted().iter().skip(skipped) {
            let highlight = request
                .highlight
                .as_ref()
                .map(|highlight| (highlight, marks.as_mut_slice()));
            answer.hits.push(renderer.hit(candidate, highlight)?);
        }
        answer.max_score = (shows_scores && total > 0).then_some(max_score);
        Ok(())
    }

    /// Returns the query with the post filter, which does not change scores.
    fn filtered(
        &self,
        request: &Request,
        query: &dyn IndexQuery,
    ) -> Result<Box<dyn IndexQuery>, SearchError> {
        let Some(post_filter) = &request.post_filter else {
            return Ok(query.box_clone());
        };
        let filter = self.compiler().query(post_filter)?;
        let filter: Box<dyn IndexQuery> = Box::new(ConstScoreQuery::new(filter, 0.0));
        let both = vec![(Occur::Must, query.box_clone()), (Occur::Must, filter)];
        Ok(Box::new(BooleanQuery::new(both)))
    }
}

/// Tells whether hits below an aggregation are ordered by or show scores.
fn wants_scores(aggregations: &[Aggregation]) -> bool {
    aggregations.iter().any(|aggregation| {
        matches!(aggregation.kind, Kind::TopHits(_)) || wants_scores(&aggregation.subs)
    })
}
