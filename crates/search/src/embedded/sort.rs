// SPDX-License-Identifier: MPL-2.0
//! The order of hits: every document has a key per sort key, all of which compare upwards, and the
//! best few are kept in a heap.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::column::{Key, NO_NUMBER, NO_RANK, Ranks};
use super::literal;
use super::snapshot::{Doc, Snapshot};
use crate::error::SearchError;
use crate::query::Literal;
use crate::request::{Direction, Missing, SortBy, SortKey};
use crate::schema::{FieldKind, field};

/// An order against one snapshot.
pub(super) struct Plan {
    keys: Vec<PlanKey>,
    ids: Arc<Vec<i64>>,
}

struct PlanKey {
    values: Values,
    direction: Direction,
    missing: Placed,
}

enum Values {
    Score,
    Document,
    Numbers(Arc<Vec<i64>>),
    Ranks(Arc<Ranks>),
    /// A field that no document has.
    Nothing,
}

/// Where documents without a value go.
enum Placed {
    First,
    Last,
    At(u64),
}

/// Keys are a class (before all, with a value, behind all) above a value.
const CLASS_SHIFT: u32 = 64;

/// Refuses to order by or count the words of a text.
pub(super) fn no_fielddata(name: &str) -> SearchError {
    SearchError::shard(
        "illegal_argument_exception",
        format!(
            "Fielddata is disabled on text fields by default. Use [{name}.keyword], which has whole values."
        ),
    )
}

impl Plan {
    /// Meets the keys of a body with the fields of builds; no keys means by score.
    pub fn new(snapshot: &Snapshot, keys: &[SortKey]) -> Result<Self, SearchError> {
        let by_score = [SortKey {
            by: SortBy::Score,
            direction: Direction::Descending,
            missing: Missing::Last,
            accepts_unmapped: false,
        }];
        let keys = if keys.is_empty() { &by_score } else { keys };
        let keys = keys
            .iter()
            .map(|key| plan_key(snapshot, key))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            keys,
            ids: snapshot.ids()?,
        })
    }

    /// Tells whether any key is the score.
    pub fn needs_scores(&self) -> bool {
        self.keys
            .iter()
            .any(|key| matches!(key.values, Values::Score))
    }

    /// Returns the row id of a document.
    pub fn id(&self, doc: Doc) -> i64 {
        at(&self.ids, doc).unwrap_or_default()
    }

    /// Returns the `sort` array of a hit.
    pub fn values(&self, doc: Doc, score: f32) -> Value {
        self.keys
            .iter()
            .map(|key| self.value(key, doc, score))
            .collect()
    }

    fn value(&self, key: &PlanKey, doc: Doc, score: f32) -> Value {
        match &key.values {
            Values::Score => json!(score),
            Values::Document => json!(self.id(doc)),
            Values::Nothing => Value::Null,
            Values::Numbers(numbers) => match at(numbers, doc).filter(|n| *n != NO_NUMBER) {
                Some(number) => json!(number),
                None => json!(missing_number(key)),
            },
            Values::Ranks(ranks) => {
                match at(&ranks.of_doc, doc).and_then(|rank| ranks.keys.get(rank)) {
                    Some(Key::Text(text)) => json!(text),
                    Some(Key::Number(number)) => json!(number),
                    None => Value::Null,
                }
            }
        }
    }

    /// Returns the key of a document for one sort key; lower ones come first.
    fn key(&self, key: &PlanKey, doc: Doc, score: f32) -> u128 {
        let value = match &key.values {
            // Scores are never negative, so their bits are in the order of their values.
            Values::Score => Some(u64::from(score.max(0.0).to_bits())),
            Values::Document => Some(ordered(self.id(doc))),
            Values::Numbers(numbers) => at(numbers, doc).filter(|n| *n != NO_NUMBER).map(ordered),
            Values::Ranks(ranks) => at(&ranks.of_doc, doc)
                .filter(|rank| *rank != NO_RANK)
                .map(|rank| 2 * u64::from(rank) + 1),
            Values::Nothing => None,
        };
        let value = match (value, &key.missing) {
            (Some(value), _) => value,
            (None, Placed::At(value)) => *value,
            (None, Placed::First) => return 0,
            (None, Placed::Last) => return 2 << CLASS_SHIFT,
        };
        let value = match key.direction {
            Direction::Ascending => value,
            Direction::Descending => !value,
        };
        (1 << CLASS_SHIFT) | u128::from(value)
    }
}

fn at<T: Copy>(values: &[T], doc: Doc) -> Option<T> {
    values.get(usize::try_from(doc).ok()?).copied()
}

/// Maps integers to naturals of the same order.
fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// Returns what the `sort` array shows for a missing number: the extreme that puts it there.
fn missing_number(key: &PlanKey) -> i64 {
    match (&key.missing, key.direction) {
        (Placed::At(value), _) => (value ^ (1 << 63)).cast_signed(),
        (Placed::Last, Direction::Ascending) | (Placed::First, Direction::Descending) => i64::MAX,
        (Placed::Last, Direction::Descending) | (Placed::First, Direction::Ascending) => i64::MIN,
    }
}

fn plan_key(snapshot: &Snapshot, key: &SortKey) -> Result<PlanKey, SearchError> {
    let values = match &key.by {
        SortBy::Score => Values::Score,
        SortBy::Document => Values::Document,
        SortBy::Field(name) => match field(name) {
            None if key.accepts_unmapped => Values::Nothing,
            None => {
                return Err(SearchError::shard(
                    "query_shard_exception",
                    format!("No mapping found for [{name}] in order to sort on"),
                ));
            }
            Some(info) => match info.kind {
                FieldKind::Text => return Err(no_fielddata(name)),
                FieldKind::Keyword => Values::Ranks(snapshot.ranks(info)?),
                FieldKind::Date | FieldKind::Long => Values::Numbers(snapshot.numbers(info)?),
            },
        },
    };
    let missing = match &key.missing {
        Missing::Last => Placed::Last,
        Missing::First => Placed::First,
        Missing::As(value) => place(&values, value)?,
    };
    Ok(PlanKey {
        values,
        direction: key.direction,
        missing,
    })
}

/// Returns the place of a value that stands for missing ones.
fn place(values: &Values, value: &Literal) -> Result<Placed, SearchError> {
    Ok(match values {
        Values::Numbers(_) => match literal::long(value)? {
            literal::Long::Whole(number) | literal::Long::Between(number) => {
                Placed::At(ordered(number))
            }
        },
        Values::Ranks(ranks) => {
            // Values have odd places, gaps between them even ones.
            let (rank, is_there) = ranks.keys.search_text(&value.to_text());
            Placed::At(2 * u64::from(rank) + u64::from(is_there))
        }
        Values::Score | Values::Document | Values::Nothing => Placed::Last,
    })
}

/// A document on its way into the page.
#[derive(Debug, PartialEq)]
pub(super) struct Candidate {
    keys: Vec<u128>,
    id: i64,
    pub doc: Doc,
    pub score: f32,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Equal keys go in the order of the rows, so that pages neither repeat nor skip.
        self.keys.cmp(&other.keys).then(self.id.cmp(&other.id))
    }
}

/// The best documents so far.
pub(super) struct Top<'a> {
    plan: &'a Plan,
    heap: BinaryHeap<Candidate>,
    size: usize,
    max_score: f32,
}

impl<'a> Top<'a> {
    pub fn new(plan: &'a Plan, size: usize) -> Self {
        Self {
            plan,
            heap: BinaryHeap::new(),
            size,
            max_score: 0.0,
        }
    }

    /// Offers a document.
    pub fn push(&mut self, doc: Doc, score: f32) {
        self.max_score = self.max_score.max(score);
        let Some((first, rest)) = self.plan.keys.split_first() else {
            return;
        };
        if self.size == 0 {
            return;
        }
        let key = self.plan.key(first, doc, score);
        if self.heap.len() == self.size {
            let worst = self.heap.peek().and_then(|worst| worst.keys.first());
            if worst.is_some_and(|worst| key > *worst) {
                return;
            }
        }
        let mut keys = Vec::with_capacity(self.plan.keys.len());
        keys.push(key);
        keys.extend(rest.iter().map(|key| self.plan.key(key, doc, score)));
        let candidate = Candidate {
            keys,
            id: self.plan.id(doc),
            doc,
            score,
        };
        if self.heap.len() < self.size {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// Returns the best score of all documents offered.
    pub fn max_score(&self) -> f32 {
        self.max_score
    }

    /// Returns the best documents, best first.
    pub fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
