// SPDX-License-Identifier: MPL-2.0
//! What is not understood is a 400 in the known words, and nothing is ever a 500.
use reqwest::Method;
use serde_json::{Value, json};

use crate::{App, apps};

async fn post(app: &App, body: Vec<u8>) -> (u16, Value) {
    let client = app.anonymous();
    let answer = client
        .send(client.request(Method::POST, "/api/search").body(body))
        .await;
    assert_eq!(
        answer.header("content-type"),
        "application/json",
        "{}",
        answer.text()
    );
    (answer.status, answer.json())
}

#[actix_web::test]
async fn text_that_is_no_json_gets_the_sentence_of_python() {
    for app in apps().await {
        for (body, sentence) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("}x", "Expecting value: line 1 column 1 (char 0)"),
            (
                "{'a'",
                "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            ("{\"a\":1}x", "Extra data: line 1 column 8 (char 7)"),
            (
                "{\"size\": NaN}",
                "Expecting value: line 1 column 10 (char 9)",
            ),
        ] {
            let answer = post(&app, body.into()).await;
            assert_eq!(answer, (400, json!({"error": sentence})), "{body}");
        }
    }
}

#[actix_web::test]
async fn bodies_of_a_wrong_structure_get_a_sentence() {
    for app in apps().await {
        for (body, sentence) in [
            (json!({"size": 1001}), "Search size too large (1001)"),
            (json!({"size": "1001"}), "Search size too large (1001)"),
            (
                json!({"query": {"junk": {}}}),
                "DSL class `junk` does not exist in query.",
            ),
            (
                json!({"aggs": {"a": {"junk": {}}}}),
                "DSL class `junk` does not exist in agg.",
            ),
            (
                json!({"query": {}}),
                "Q() can only accept dict with a single query ({\"match\": {...}}). \
                 Instead it got ({})",
            ),
            (
                json!({"aggs": {"a": {}}}),
                "A() can only accept dict with an aggregation ({\"terms\": {...}}). \
                 Instead it got ({})",
            ),
        ] {
            let answer = post(&app, body.to_string().into()).await;
            assert_eq!(answer, (400, json!({"error": sentence})), "{body}");
        }
        // Shown as sent: no number of a library holds it.
        let large = "1000000000000000000000000000000";
        for size in [large.to_owned(), format!("\"{large}\"")] {
            let answer = post(&app, format!("{{\"size\": {size}}}").into()).await;
            let sentence = format!("Search size too large ({large})");
            assert_eq!(answer, (400, json!({"error": sentence})));
        }
        let (status, body) = post(
            &app,
            json!({"from": 10000, "size": 1000}).to_string().into(),
        )
        .await;
        let text = body["error"].as_str().unwrap();
        assert_eq!(status, 400);
        assert!(text.starts_with(
            "Result window is too large, from + size must be less than or equal to: [10000] but \
             was [11000]."
        ));
    }
}

#[actix_web::test]
async fn a_refusal_of_the_engine_is_its_own_error_object() {
    for app in apps().await {
        let body = json!({"query": {"range": {"build.id": {"above": 1}}}});
        let (status, error) = post(&app, body.to_string().into()).await;
        assert_eq!((status, &error["status"]), (400, &json!(400)));
        assert_eq!(error["error"]["type"], "parsing_exception");
        assert_eq!(
            error["error"]["root_cause"][0]["reason"],
            "[range] query does not support [above]"
        );
    }
}

#[actix_web::test]
async fn rubbish_is_a_400_and_never_a_500() {
    for app in apps().await {
        let deep = "[".repeat(100_000);
        let nested = (0..90).fold(
            json!({"match_all": {}}),
            |q, _| json!({"bool": {"must": q}}),
        );
        for body in [
            b"\xff\xfe".to_vec(),
            deep.into_bytes(),
            json!({"query": nested}).to_string().into_bytes(),
            b"[1]".to_vec(),
            b"\"text\"".to_vec(),
            b"7".to_vec(),
            b"true".to_vec(),
            b"{\"size\": \"many\"}".to_vec(),
            b"{\"size\": -1}".to_vec(),
            b"{\"size\": 1e300}".to_vec(),
            b"{\"from\": {}}".to_vec(),
            b"{\"query\": 7}".to_vec(),
            b"{\"query\": {\"term\": {}}}".to_vec(),
            b"{\"query\": {\"term\": {\"a\": {\"b\": {}}}}}".to_vec(),
            b"{\"aggs\": []}".to_vec(),
            b"{\"aggs\": {\"a\": {\"terms\": {\"field\": \"build.target\"}}}}".to_vec(),
            b"{\"sort\": \"nothing\"}".to_vec(),
            b"{\"highlight\": {}}".to_vec(),
            b"{\"junk\": 1}".to_vec(),
            b"{\"query\": {\"query_string\": {\"query\": \"(a\"}}}".to_vec(),
            b"{\"query\": {\"term\": {\"build.id\": \"\\ud800\"}}}".to_vec(),
        ] {
            let shown = String::from_utf8_lossy(&body)
                .chars()
                .take(80)
                .collect::<String>();
            let (status, answer) = post(&app, body).await;
            assert_eq!(status, 400, "{shown}: {answer}");
            assert!(!answer["error"].is_null(), "{shown}");
        }
        for path in [
            "/api/search?q=(",
            "/api/search?q=a&size=x",
            "/api/search?q=a&size=1001",
        ] {
            assert_eq!(app.anonymous().get(path).await.status, 400, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_413() {
    for app in apps().await {
        let (status, error) = post(&app, vec![b' '; (1 << 20) + 1]).await;
        assert_eq!(status, 413);
        assert_eq!(
            error,
            json!({"error": "the body is larger than 1048576 bytes"})
        );
    }
}

#[actix_web::test]
async fn unknown_endpoints_and_methods_are_json() {
    for app in apps().await {
        let client = app.anonymous();
        for (method, path, status) in [
            (Method::GET, "/api/search/", 404),
            (Method::GET, "/api/anything", 404),
            (Method::POST, "/api/anything/at/all", 404),
            (Method::DELETE, "/api/", 404),
            (Method::GET, "/api/%ff/..%2f", 404),
            (Method::PUT, "/api/search", 405),
            (Method::DELETE, "/api/records/1", 405),
            (Method::POST, "/", 405),
        ] {
            let answer = client.send(client.request(method.clone(), path)).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert!(answer.json()["error"].is_string(), "{method} {path}");
        }
    }
}
