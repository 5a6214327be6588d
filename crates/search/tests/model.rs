// SPDX-License-Identifier: MPL-2.0
//! Random bodies on the index against a plain reading of the same documents in memory.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops at the first surprise"
)]

mod demo;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use releng_common::Clock;
use releng_search::embedded::Engine;
use releng_search::{Document, EmbeddedSettings};
use serde_json::{Value, json};

const KEYWORDS: &[&str] = &[
    "build.id",
    "source.product",
    "target.channel",
    "target.platform",
    "target.os",
    "target.locale",
    "target.version",
    "source.revision",
];
const NUMBERS: &[&str] = &["download.size", "build.number"];

fn value<'a>(document: &'a Document, field: &str) -> Option<&'a Value> {
    field
        .split('.')
        .try_fold(&document.source, |value, key| value.get(key))
}

fn text<'a>(document: &'a Document, field: &str) -> Option<&'a str> {
    value(document, field)?.as_str()
}

/// The meaning of a query, clause by clause.
fn holds(query: &Value, document: &Document) -> bool {
    let (name, params) = query.as_object().unwrap().iter().next().unwrap();
    match name.as_str() {
        "match_all" => true,
        "term" => {
            let (field, wanted) = params.as_object().unwrap().iter().next().unwrap();
            value(document, field) == Some(wanted)
        }
        "terms" => {
            let (field, wanted) = params.as_object().unwrap().iter().next().unwrap();
            value(document, field).is_some_and(|value| wanted.as_array().unwrap().contains(value))
        }
        "prefix" => {
            let (field, wanted) = params.as_object().unwrap().iter().next().unwrap();
            text(document, field).is_some_and(|text| text.starts_with(wanted.as_str().unwrap()))
        }
        "exists" => value(document, params["field"].as_str().unwrap()).is_some(),
        "range" => {
            let (field, bounds) = params.as_object().unwrap().iter().next().unwrap();
            value(document, field).is_some_and(|value| is_between(value, bounds))
        }
        "bool" => {
            let part = |key: &str| params[key].as_array().cloned().unwrap_or_default();
            let should = part("should");
            let matching = should.iter().filter(|query| holds(query, document)).count();
            let needs_one =
                part("must").is_empty() && part("filter").is_empty() && !should.is_empty();
            let minimum = params["minimum_should_match"]
                .as_u64()
                .unwrap_or(0)
                .max(u64::from(needs_one));
            part("must")
                .iter()
                .chain(&part("filter"))
                .all(|query| holds(query, document))
                && !part("must_not").iter().any(|query| holds(query, document))
                && matching as u64 >= minimum
        }
        other => panic!("the model has no {other}"),
    }
}

fn is_between(value: &Value, bounds: &Value) -> bool {
    bounds.as_object().unwrap().iter().all(|(key, bound)| {
        let ordering = match (value, bound) {
            (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (a, b) => a.as_i64().cmp(&b.as_i64()),
        };
        match key.as_str() {
            "gte" => ordering != Ordering::Less,
            "gt" => ordering == Ordering::Greater,
            "lte" => ordering != Ordering::Greater,
            _ => ordering == Ordering::Less,
        }
    })
}

struct Generator<'a> {
    rng: StdRng,
    documents: &'a [Document],
}

impl Generator<'_> {
    /// A value that some document has, or one that none has.
    fn sample(&mut self, field: &str) -> Value {
        let document = self.documents.choose(&mut self.rng).unwrap();
        match value(document, field) {
            Some(value) if self.rng.random_bool(0.95) => value.clone(),
            _ if NUMBERS.contains(&field) => json!(self.rng.random_range(0..90_000_000)),
            _ => json!("none"),
        }
    }

    fn any_field(&mut self) -> &'static str {
        let all: Vec<_> = KEYWORDS.iter().chain(NUMBERS).collect();
        all.choose(&mut self.rng).unwrap()
    }

    fn query(&mut self, depth: u32) -> Value {
        let kinds = if depth == 0 { 6 } else { 9 };
        let field = self.any_field();
        match self.rng.random_range(0..kinds) {
            0 => json!({"match_all": {}}),
            1 => json!({"term": {field: self.sample(field)}}),
            2 => {
                let values: Vec<Value> = (0..self.rng.random_range(0..4))
                    .map(|_| self.sample(field))
                    .collect();
                json!({"terms": {field: values}})
            }
            3 => {
                let field = *KEYWORDS.choose(&mut self.rng).unwrap();
                let text = self.sample(field);
                let length = self.rng.random_range(0..7);
                json!({"prefix": {field: text.as_str().unwrap().chars().take(length).collect::<String>()}})
            }
            4 => json!({"exists": {"field": field}}),
            5 => {
                let mut bounds = json!({});
                for pair in [["gt", "gte"], ["lt", "lte"]] {
                    if self.rng.random_bool(0.7) {
                        bounds[*pair.choose(&mut self.rng).unwrap()] = self.sample(field);
                    }
                }
                json!({"range": {field: bounds}})
            }
            _ => self.boolean(depth),
        }
    }

    fn boolean(&mut self, depth: u32) -> Value {
        let mut parts = json!({});
        for key in ["must", "filter", "should", "must_not"] {
            let count = self.rng.random_range(0..3);
            let queries: Vec<Value> = (0..count).map(|_| self.query(depth - 1)).collect();
            if count > 0 {
                parts[key] = json!(queries);
            }
        }
        if self.rng.random_bool(0.2) {
            parts["minimum_should_match"] = json!(self.rng.random_range(0..3));
        }
        json!({"bool": parts})
    }
}

/// An index of several segments in which a third of the documents was replaced or removed once.
fn index(folder: &std::path::Path, documents: &[Document]) -> Engine {
    let engine = Engine::open(EmbeddedSettings::new(folder), Clock::system()).unwrap();
    for part in documents.chunks(150) {
        engine.put(part).unwrap();
        let other: Vec<Document> = part
            .iter()
            .step_by(3)
            .map(|d| Document::new(d.id, demo::build(d.id + 5_000).source))
            .collect();
        engine.put(&other).unwrap();
        engine.put(&[demo::build(part[0].id + 100_000)]).unwrap();
        engine.commit().unwrap();
        let again: Vec<Document> = part.iter().step_by(3).cloned().collect();
        engine.put(&again).unwrap();
        engine.remove(&[part[0].id + 100_000]).unwrap();
        engine.commit().unwrap();
    }
    engine
}

fn documents() -> Vec<Document> {
    (1..=700).map(demo::build).collect()
}

fn ids(answer: &Value) -> Vec<i64> {
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| hit["_id"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn queries_find_what_their_clauses_say() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents();
    let engine = index(folder.path(), &documents);
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(1),
        documents: &documents,
    };
    let mut sizes = [0_u32; 3];
    for _ in 0..600 {
        let query = generator.query(3);
        let expected: Vec<i64> = documents
            .iter()
            .filter(|d| holds(&query, d))
            .map(|d| d.id)
            .collect();
        let body = json!({"query": query, "size": 1000, "_source": false, "sort": ["_doc"]});
        let answer = engine.search(&body).unwrap();
        assert_eq!(ids(&answer), expected, "{query}");
        assert_eq!(answer["hits"]["total"], expected.len(), "{query}");
        let scored = engine
            .search(&json!({"query": query, "size": 1000}))
            .unwrap();
        let mut by_score = ids(&scored);
        by_score.sort_unstable();
        assert_eq!(by_score, expected, "with scores: {query}");
        let counted = engine.search(&json!({"query": query, "size": 0})).unwrap();
        assert_eq!(counted["hits"]["total"], expected.len(), "counted: {query}");
        let filtered = engine
            .search(&json!({"post_filter": query, "size": 0}))
            .unwrap();
        assert_eq!(
            filtered["hits"]["total"],
            expected.len(),
            "post filter: {query}"
        );
        sizes[usize::from(!expected.is_empty()) + usize::from(expected.len() == 700)] += 1;
    }
    // The comparison says something only if the queries are neither all empty nor all full.
    assert!(sizes[1] > 200, "{sizes:?}");
}

#[test]
fn pages_of_an_order_follow_each_other_without_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents();
    let engine = index(folder.path(), &documents);
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(2),
        documents: &documents,
    };
    for _ in 0..150 {
        let query = generator.query(1);
        let fields = [generator.any_field(), generator.any_field()];
        let descending = [
            generator.rng.random_bool(0.5),
            generator.rng.random_bool(0.5),
        ];
        let mut expected: Vec<&Document> = documents.iter().filter(|d| holds(&query, d)).collect();
        expected.sort_by(|a, b| {
            let keys = fields.iter().zip(descending);
            keys.map(|(field, desc)| compare(value(a, field), value(b, field), desc))
                .find(|ordering| *ordering != Ordering::Equal)
                .unwrap_or_else(|| a.id.cmp(&b.id))
        });
        let expected: Vec<i64> = expected.into_iter().map(|d| d.id).collect();
        let order = |desc: bool| if desc { "desc" } else { "asc" };
        let sort = json!([{fields[0]: order(descending[0])}, {fields[1]: {"order": order(descending[1])}}]);
        let size = generator.rng.random_range(1..300);
        let mut found = Vec::new();
        for from in (0..700).step_by(size) {
            let body =
                json!({"query": query, "sort": sort, "from": from, "size": size, "_source": false});
            found.extend(ids(&engine.search(&body).unwrap()));
        }
        assert_eq!(found, expected, "{query} {sort}");
    }
}

/// Missing values are last in both directions.
fn compare(a: Option<&Value>, b: Option<&Value>, is_descending: bool) -> Ordering {
    let ordering = match (a, b) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(Value::String(a)), Some(Value::String(b))) => a.as_bytes().cmp(b.as_bytes()),
        (Some(a), Some(b)) => a.as_i64().cmp(&b.as_i64()),
    };
    if is_descending {
        ordering.reverse()
    } else {
        ordering
    }
}

/// Buckets as the model counts them, two levels deep.
fn buckets(documents: &[&Document], levels: &[(&str, usize, &str, bool)]) -> (Vec<Value>, usize) {
    let Some(((field, size, order, is_descending), below)) = levels.split_first() else {
        return (Vec::new(), 0);
    };
    let mut groups: BTreeMap<(Option<i64>, String), Vec<&Document>> = BTreeMap::new();
    for document in documents {
        if let Some(value) = value(document, field) {
            let key = (
                value.as_i64(),
                value.as_str().unwrap_or_default().to_owned(),
            );
            groups.entry(key).or_default().push(document);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a_key, a), (b_key, b)| {
        let ordering = if *order == "_key" {
            a_key.cmp(b_key)
        } else {
            a.len().cmp(&b.len())
        };
        if *is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    });
    let others = groups
        .iter()
        .skip(*size)
        .map(|(_, documents)| documents.len())
        .sum();
    let shown = groups.into_iter().take(*size).map(|((number, text), documents)| {
        let mut bucket = json!({"key": number.map_or(json!(text), |n| json!(n)), "doc_count": documents.len()});
        if !below.is_empty() {
            let (inner, others) = buckets(&documents, below);
            bucket["sub"] = json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": inner});
        }
        bucket
    });
    (shown.collect(), others)
}

#[test]
fn buckets_count_every_document_once() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents();
    let engine = index(folder.path(), &documents);
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(3),
        documents: &documents,
    };
    for _ in 0..200 {
        let query = generator.query(1);
        let filter = generator.query(1);
        let mut levels = Vec::new();
        for _ in 0..generator.rng.random_range(1..4) {
            let order = *["_count", "_key"].choose(&mut generator.rng).unwrap();
            let size = *[1, 3, 10, 100_000].choose(&mut generator.rng).unwrap();
            levels.push((
                generator.any_field(),
                size,
                order,
                generator.rng.random_bool(0.5),
            ));
        }
        let mut aggs = json!({});
        for (field, size, order, is_descending) in levels.iter().rev() {
            let direction = if *is_descending { "desc" } else { "asc" };
            let mut agg =
                json!({"terms": {"field": field, "size": size, "order": {*order: direction}}});
            if aggs != json!({}) {
                agg["aggs"] = aggs;
            }
            aggs = json!({"sub": agg});
        }
        aggs["kinds"] = json!({"cardinality": {"field": levels[0].0}});
        let body =
            json!({"size": 0, "query": query, "aggs": {"f": {"filter": filter, "aggs": aggs}}});
        let answer = engine.search(&body).unwrap();
        let matching: Vec<&Document> = documents
            .iter()
            .filter(|d| holds(&query, d) && holds(&filter, d))
            .collect();
        let (expected, others) = buckets(&matching, &levels);
        let all = buckets(&matching, &[(levels[0].0, usize::MAX, "_key", false)])
            .0
            .len();
        assert_eq!(
            answer["aggregations"]["f"],
            json!({
                "doc_count": matching.len(),
                "kinds": {"value": all},
                "sub": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": expected},
            }),
            "{body}"
        );
    }
}
