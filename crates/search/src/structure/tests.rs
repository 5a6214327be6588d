// SPDX-License-Identifier: MPL-2.0
//! The texts of the checks in front of the engine.

use serde_json::json;

use super::*;

fn text(body: Value) -> String {
    match prepare(&body, &Limits::default()) {
        Err(SearchError::Structure(text)) => text,
        other => panic!("{body} gives {other:?}"),
    }
}

#[test]
fn a_size_of_digits_is_shown_as_sent_however_long() {
    for size in [
        "1001",
        " 9999",
        "99999999999999999999",
        "+100000000000000000000000",
    ] {
        assert_eq!(
            text(json!({ "size": size })),
            format!("Search size too large ({size})")
        );
    }
    assert_eq!(
        text(json!({"size": "+-1"})),
        "size must be an integer, not '+-1'"
    );
}

#[test]
fn an_unknown_clause_is_named() {
    assert_eq!(
        text(json!({"query": {"X": {}}})),
        "DSL class `X` does not exist in query."
    );
    assert_eq!(
        text(json!({"query": {"bool": {"filter": {"bool": {"must_not": [{"Y": 1}]}}}}})),
        "DSL class `Y` does not exist in query."
    );
    assert_eq!(
        text(json!({"post_filter": {"Z": {}}})),
        "DSL class `Z` does not exist in query."
    );
}

#[test]
fn an_unknown_aggregation_is_named() {
    assert_eq!(
        text(json!({"aggs": {"a": {"trems": {}}}})),
        "DSL class `trems` does not exist in agg."
    );
    assert_eq!(
        text(json!({"aggs": {"aggregations": {"date": {"terms": {"field": "build.id"}}}}})),
        "DSL class `date` does not exist in agg."
    );
    assert_eq!(
        text(json!({"aggs": {"a": {"terms": {}, "aggs": {"b": {"nope": {}}}}}})),
        "DSL class `nope` does not exist in agg."
    );
}

#[test]
fn a_query_of_none_or_several_clauses_is_quoted() {
    assert_eq!(
        text(json!({"query": {}})),
        "Q() can only accept dict with a single query ({\"match\": {...}}). Instead it got ({})"
    );
    assert_eq!(
        text(json!({"query": {"term": {"a": true}, "terms": {"it's": [null, 1.5]}}})),
        "Q() can only accept dict with a single query ({\"match\": {...}}). Instead it got \
         ({'term': {'a': True}, 'terms': {\"it's\": [None, 1.5]}})"
    );
}

#[test]
fn an_aggregation_of_none_or_several_types_is_quoted() {
    assert_eq!(
        text(json!({"aggs": {"a": {}}})),
        "A() can only accept dict with an aggregation ({\"terms\": {...}}). Instead it got ({})"
    );
    assert_eq!(
        text(json!({"aggs": {"a": {"max": {}, "min": {}}}})),
        "A() can only accept dict with an aggregation ({\"terms\": {...}}). Instead it got \
         ({'max': {}, 'min': {}})"
    );
}

#[test]
fn a_size_beyond_the_limit_is_shown_as_sent() {
    assert_eq!(text(json!({"size": 1001})), "Search size too large (1001)");
    assert_eq!(
        text(json!({"size": "5000"})),
        "Search size too large (5000)"
    );
    assert_eq!(
        text(json!({"size": "many"})),
        "size must be an integer, not 'many'"
    );
    for size in [
        json!(1000),
        json!("1000"),
        json!(1000.9),
        json!(true),
        json!(0),
    ] {
        assert!(
            prepare(&json!({"size": size}), &Limits::default()).is_ok(),
            "{size}"
        );
    }
}

#[test]
fn every_empty_body_means_no_body() {
    for body in [
        json!({}),
        json!([]),
        json!(null),
        json!(0),
        json!(""),
        json!(false),
    ] {
        assert_eq!(
            prepare(&body, &Limits::default()).unwrap(),
            Map::new(),
            "{body}"
        );
    }
}

#[test]
fn what_is_no_object_is_refused() {
    assert_eq!(text(json!([1])), "search body must be a JSON object");
    assert_eq!(text(json!({"query": [1]})), "query must be an object");
    assert_eq!(text(json!({"aggs": 5})), "aggs must be an object");
    assert_eq!(
        text(json!({"highlight": {}})),
        "highlight must be an object with fields"
    );
}

#[test]
fn the_common_text_moves_into_each_suggestion() {
    let body = json!({"suggest": {"text": "a", "x": {"term": {}}, "y": {"text": "b", "term": {}}}});
    assert_eq!(
        Value::Object(prepare(&body, &Limits::default()).unwrap()),
        json!({"suggest": {"x": {"text": "a", "term": {}}, "y": {"text": "b", "term": {}}}})
    );
}
