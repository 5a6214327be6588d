// SPDX-License-Identifier: MPL-2.0
//! Bodies and the reasons for refusing them, and bodies that must not bring the parser down.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(body: &Value) -> Result<Request, SearchError> {
    let now = DateTime::from_timestamp(1_553_089_530, 0).unwrap();
    Request::parse(body, &Limits::default(), now)
}

fn engine_reason(body: Value) -> (String, String) {
    match parse(&body) {
        Err(SearchError::Engine(error)) => {
            assert_eq!(error["status"], 400);
            let text = |key: &str| {
                error["error"]["root_cause"][0][key]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            (text("type"), text("reason"))
        }
        other => panic!("{body} gives {other:?}"),
    }
}

#[test]
fn what_a_clause_does_not_know_is_named() {
    for (query, kind, reason) in [
        (
            json!({"range": {"f": {"above": 1}}}),
            "parsing_exception",
            "[range] query does not support [above]",
        ),
        (
            json!({"terms": {"f": "x"}}),
            "parsing_exception",
            "[terms] query does not support [f]",
        ),
        (
            json!({"term": {}}),
            "illegal_argument_exception",
            "field name is null or empty",
        ),
        (
            json!({"bool": {"muts": []}}),
            "parsing_exception",
            "[bool] query does not support [muts]",
        ),
        (
            json!({"nested": {}}),
            "parsing_exception",
            "no [query] registered for [nested]",
        ),
        (
            json!({"term": {"a": 1, "b": 2}}),
            "parsing_exception",
            "[term] query doesn't support multiple fields",
        ),
        (
            json!({"term": {"a": [1]}}),
            "parsing_exception",
            "[term] query needs a scalar for [a], not a list",
        ),
        (
            json!({"match": 5}),
            "parsing_exception",
            "[match] must be an object, not a number",
        ),
        (
            json!({"query_string": {"query": "a", "quirk": 1}}),
            "parsing_exception",
            "[query_string] query does not support [quirk]",
        ),
    ] {
        let got = engine_reason(json!({"query": query}));
        assert_eq!(got, (kind.to_owned(), reason.to_owned()), "{query}");
    }
}

#[test]
fn unknown_keys_are_named_with_their_kind() {
    for (value, token) in [
        (json!(1), "VALUE_NUMBER"),
        (json!("x"), "VALUE_STRING"),
        (json!({}), "START_OBJECT"),
        (json!([]), "START_ARRAY"),
        (json!(true), "VALUE_BOOLEAN"),
    ] {
        assert_eq!(
            engine_reason(json!({"sizes": value})),
            (
                "parsing_exception".to_owned(),
                format!("Unknown key for a {token} in [sizes].")
            )
        );
    }
    assert_eq!(
        engine_reason(json!({"search_after": [1]})).1,
        "search does not support [search_after]"
    );
}

#[test]
fn pages_are_numbers_or_digits_and_bounded() {
    let request = parse(&json!({"from": "20", "size": "5"})).unwrap();
    assert_eq!((request.from, request.size), (20, 5));
    let request = parse(&json!(null)).unwrap();
    assert_eq!((request.from, request.size), (0, 10));
    let refused = parse(&json!({"from": 10_000, "size": 1000})).unwrap_err();
    assert!(matches!(refused, SearchError::Refused(_)));
    assert!(refused.to_string().starts_with(
        "Result window is too large, from + size must be less than or equal to: [10000] but was [11000]. See the scroll api"
    ));
    assert_eq!(
        engine_reason(json!({"from": -1})).1,
        "[from] parameter cannot be negative, found [-1]"
    );
}

#[test]
fn nesting_and_counts_are_bounded() {
    let mut query = json!({"match_all": {}});
    for _ in 0..60 {
        query = json!({"bool": {"must": query}});
    }
    assert_eq!(
        engine_reason(json!({"query": query})).1,
        "clauses may nest 20 deep"
    );
    let many: Vec<Value> = (0..5_000)
        .map(|i| json!({"term": {"build.id": i}}))
        .collect();
    assert_eq!(
        engine_reason(json!({"query": {"bool": {"should": many}}})),
        (
            "too_many_clauses".to_owned(),
            "a body may have 4096 query clauses".to_owned()
        )
    );
}

/// Any JSON, with names that the parser knows mixed in so that it gets past the first check.
fn any_json() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        "query",
        "post_filter",
        "aggs",
        "size",
        "from",
        "sort",
        "_source",
        "highlight",
        "suggest",
        "fields",
        "text",
        "bool",
        "must",
        "filter",
        "should",
        "must_not",
        "minimum_should_match",
        "term",
        "terms",
        "range",
        "gte",
        "lt",
        "match",
        "query_string",
        "regexp",
        "wildcard",
        "exists",
        "field",
        "value",
        "boost",
        "ids",
        "values",
        "include",
        "exclude",
        "order",
        "_key",
        "_count",
        "missing",
        "cardinality",
        "build.id",
        "build.date",
        "download.size",
        "source",
        "phrase",
        "includes",
        "default_operator",
        "match_all",
        "match_phrase",
        "prefix",
    ]);
    let name = prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[a-z.]{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        name.clone().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::seeded::cases(512))]

    #[test]
    fn no_json_panics_and_every_refusal_has_a_body(body in any_json()) {
        if let Err(error) = parse(&body) {
            prop_assert!(error.body().is_some());
        }
    }

    #[test]
    fn no_clause_panics(query in any_json(), aggs in any_json()) {
        let _ = parse(&serde_json::json!({"query": {"bool": {"must": [query.clone()]}}}));
        let _ = parse(&serde_json::json!({"query": query, "aggs": {"a": aggs}}));
    }
}
