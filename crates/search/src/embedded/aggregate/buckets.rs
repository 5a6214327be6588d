// SPDX-License-Identifier: MPL-2.0
//! Buckets of a `terms` aggregation: count by rank, choose, and divide the documents.

use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::plan::TermsPlan;
use super::{Context, Plan, Scope, rank_of};
use crate::aggs::OrderBy;
use crate::embedded::column::{Key, NO_RANK, Ranks};
use crate::embedded::snapshot::Doc;
use crate::error::SearchError;
use crate::request::Direction;
use crate::schema::FieldKind;

/// A value with its number of documents.
type Count = (u32, u64);

/// Counting into an array costs its size; below this share of it, sorting the ranks is cheaper.
const DENSE_SHARE: usize = 16;

impl Context<'_> {
    pub(super) fn terms(
        &self,
        plan: &TermsPlan,
        subs: &[Plan],
        scope: Scope<'_>,
    ) -> Result<Map<String, Value>, SearchError> {
        let Some(ranks) = &plan.ranks else {
            return Ok(terms_json(0, Vec::new()));
        };
        // Only documents that are not deleted may count as without a value.
        let scope = if plan.counts_missing {
            Scope::Docs(self.docs(scope))
        } else {
            scope
        };
        let mut counts = counts(ranks, scope);
        if plan.min_doc_count == 0 {
            counts = with_zeros(&counts, ranks.keys.len());
        }
        if let Some(allowed) = &plan.allowed {
            counts.retain(|(rank, _)| {
                usize::try_from(*rank)
                    .ok()
                    .and_then(|at| allowed.get(at))
                    .copied()
                    .unwrap_or(false)
            });
        }
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        counts.retain(|(_, count)| *count >= plan.min_doc_count);
        choose(plan, &mut counts);
        self.spend_buckets(counts.len())?;
        let shown: u64 = counts.iter().map(|(_, count)| count).sum();
        let mut results = if subs.is_empty() {
            Vec::new()
        } else {
            self.divided(ranks, &counts, subs, scope)?
        };
        results.resize_with(counts.len(), Map::new);
        let buckets = counts
            .iter()
            .zip(results)
            .map(|((rank, count), mut bucket)| {
                add_key(&mut bucket, ranks, *rank, plan.kind);
                bucket.insert("doc_count".to_owned(), json!(count));
                Value::Object(bucket)
            })
            .collect();
        Ok(terms_json(total.saturating_sub(shown), buckets))
    }

    /// Divides the documents among the buckets and computes what is below each.
    fn divided(
        &self,
        ranks: &Ranks,
        counts: &[Count],
        subs: &[Plan],
        scope: Scope<'_>,
    ) -> Result<Vec<Map<String, Value>>, SearchError> {
        let docs = self.docs(scope);
        let mut slots: Vec<(u32, usize)> = counts
            .iter()
            .enumerate()
            .map(|(slot, (rank, _))| (*rank, slot))
            .collect();
        slots.sort_unstable();
        let mut parts: Vec<Vec<Doc>> = counts
            .iter()
            .map(|(_, count)| Vec::with_capacity(usize::try_from(*count).unwrap_or(0)))
            .collect();
        let slot_of = SlotLookup::new(slots, ranks.keys.len(), docs.len());
        for doc in docs {
            let slot = slot_of.get(rank_of(&ranks.of_doc, *doc));
            if let Some(part) = slot.and_then(|slot| parts.get_mut(slot)) {
                part.push(*doc);
            }
        }
        parts
            .into_iter()
            .map(|part| self.run(subs, Scope::Docs(&part)))
            .collect()
    }
}

/// From rank to bucket, as an array when there are documents enough to pay for it.
enum SlotLookup {
    Dense(Vec<u32>),
    Sorted(Vec<(u32, usize)>),
}

impl SlotLookup {
    fn new(slots: Vec<(u32, usize)>, keys: usize, docs: usize) -> Self {
        if docs < keys / DENSE_SHARE {
            return Self::Sorted(slots);
        }
        let mut dense = vec![NO_RANK; keys];
        for (rank, slot) in slots {
            let at = usize::try_from(rank).unwrap_or(usize::MAX);
            if let Some(place) = dense.get_mut(at) {
                *place = u32::try_from(slot).unwrap_or(NO_RANK);
            }
        }
        Self::Dense(dense)
    }

    fn get(&self, rank: u32) -> Option<usize> {
        match self {
            Self::Dense(dense) => {
                let slot = *dense.get(usize::try_from(rank).ok()?)?;
                usize::try_from(slot).ok().filter(|_| slot != NO_RANK)
            }
            Self::Sorted(slots) => {
                let at = slots.binary_search_by_key(&rank, |(rank, _)| *rank).ok()?;
                slots.get(at).map(|(_, slot)| *slot)
            }
        }
    }
}

/// Counts documents by rank, lowest rank first.
fn counts(ranks: &Ranks, scope: Scope<'_>) -> Vec<Count> {
    let keys = ranks.keys.len();
    match scope {
        Scope::All => dense_counts(keys, ranks.of_doc.iter().copied()),
        Scope::Docs(docs) if docs.len() >= keys / DENSE_SHARE => {
            dense_counts(keys, docs.iter().map(|doc| rank_of(&ranks.of_doc, *doc)))
        }
        Scope::Docs(docs) => {
            let mut found: Vec<u32> = docs
                .iter()
                .map(|doc| rank_of(&ranks.of_doc, *doc))
                .filter(|rank| *rank != NO_RANK)
                .collect();
            found.sort_unstable();
            found
                .chunk_by(PartialEq::eq)
                .filter_map(|same| Some((*same.first()?, u64::try_from(same.len()).ok()?)))
                .collect()
        }
    }
}

fn dense_counts(keys: usize, found: impl Iterator<Item = u32>) -> Vec<Count> {
    let mut counts = vec![0_u32; keys];
    for rank in found {
        // Documents without a value have a rank beyond the end.
        if let Some(count) = usize::try_from(rank).ok().and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    (0_u32..)
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(rank, count)| (rank, u64::from(count)))
        .collect()
}

fn with_zeros(counts: &[Count], keys: usize) -> Vec<Count> {
    let mut counted = counts.iter().peekable();
    (0..NO_RANK)
        .take(keys)
        .map(|rank| match counted.next_if(|(other, _)| *other == rank) {
            Some(found) => *found,
            None => (rank, 0),
        })
        .collect()
}

/// Leaves the best buckets, best first.
fn choose(plan: &TermsPlan, counts: &mut Vec<Count>) {
    let compare = |a: &Count, b: &Count| {
        plan.order
            .iter()
            .map(|order| {
                let ordering = match order.by {
                    OrderBy::Count => a.1.cmp(&b.1),
                    OrderBy::Key => a.0.cmp(&b.0),
                };
                match order.direction {
                    Direction::Ascending => ordering,
                    Direction::Descending => ordering.reverse(),
                }
            })
            .find(|ordering| *ordering != Ordering::Equal)
            .unwrap_or_else(|| a.0.cmp(&b.0))
    };
    if plan.size < counts.len() {
        counts.select_nth_unstable_by(plan.size, compare);
        counts.truncate(plan.size);
    }
    counts.sort_unstable_by(compare);
}

/// Returns how many different values the documents have.
pub(super) fn distinct(context: &Context<'_>, ranks: &Ranks, scope: Scope<'_>) -> usize {
    // Deleted documents may have got a rank as missing ones, so all are listed.
    counts(ranks, Scope::Docs(context.docs(scope))).len()
}

/// Returns a value as patterns and lists see it.
pub(super) fn key_text(ranks: &Ranks, rank: u32, kind: FieldKind) -> String {
    match ranks.keys.get(rank) {
        Some(Key::Text(text)) => text.to_owned(),
        Some(Key::Number(number)) if kind == FieldKind::Date => date_text(number),
        Some(Key::Number(number)) => number.to_string(),
        None => String::new(),
    }
}

fn date_text(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).map_or_else(
        || millis.to_string(),
        |at| at.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}

fn add_key(bucket: &mut Map<String, Value>, ranks: &Ranks, rank: u32, kind: FieldKind) {
    let key = match ranks.keys.get(rank) {
        Some(Key::Text(text)) => json!(text),
        Some(Key::Number(number)) => {
            if kind == FieldKind::Date {
                bucket.insert("key_as_string".to_owned(), json!(date_text(number)));
            }
            json!(number)
        }
        None => Value::Null,
    };
    bucket.insert("key".to_owned(), key);
}

fn terms_json(others: u64, buckets: Vec<Value>) -> Map<String, Value> {
    Map::from_iter([
        ("doc_count_error_upper_bound".to_owned(), json!(0)),
        ("sum_other_doc_count".to_owned(), json!(others)),
        ("buckets".to_owned(), Value::Array(buckets)),
    ])
}
