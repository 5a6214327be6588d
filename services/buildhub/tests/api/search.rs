// SPDX-License-Identifier: MPL-2.0
//! Bodies of real clients; the language itself is the business of the search crate.
use reqwest::Method;
use serde_json::{Value, json};

use crate::sample::records;
use crate::{App, apps, term};

async fn total(app: &App, body: &Value) -> Value {
    app.hits(body).await["hits"]["total"].clone()
}

#[actix_web::test]
async fn the_answer_has_the_documented_shape_and_a_plain_total() {
    for app in apps().await {
        app.with_records(&records(12)).await;
        let answer = app
            .hits(&json!({"size": 0, "query": term("target.channel", "beta")["query"]}))
            .await;
        let mut expected = json!({
            "took": 0, "timed_out": false,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": 6, "max_score": null, "hits": []},
        });
        expected["took"] = answer["took"].clone();
        assert!(answer["took"].is_u64());
        assert_eq!(answer, expected);
    }
}

#[actix_web::test]
async fn empty_bodies_and_a_get_match_everything_with_ten_hits() {
    for app in apps().await {
        app.with_records(&records(12)).await;
        for body in ["{}", "[]", "null", "0", "\"\"", " {} ", "false", "0.0"] {
            let client = app.anonymous();
            let request = client.request(Method::POST, "/api/search").body(body);
            let answer = client.send(request).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
            let hits = &answer.json()["hits"];
            assert_eq!(
                (&hits["total"], hits["hits"].as_array().unwrap().len()),
                (&json!(15), 10)
            );
        }
        for path in ["/api/search", "/api/search?size=1&x"] {
            let hits = app.anonymous().get(path).await.json()["hits"].clone();
            assert_eq!(
                (&hits["total"], hits["hits"].as_array().unwrap().len()),
                (&json!(15), 10)
            );
        }
    }
}

#[actix_web::test]
async fn the_media_type_does_not_matter() {
    for app in apps().await {
        app.with_records(&records(2)).await;
        for media_type in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json",
        ] {
            let client = app.anonymous();
            let request = client
                .request(Method::POST, "/api/search")
                .header("content-type", media_type)
                .body(term("target.channel", "nightly").to_string());
            assert_eq!(client.send(request).await.json()["hits"]["total"], 1);
        }
    }
}

#[actix_web::test]
async fn bodies_of_public_clients_are_answered() {
    for app in apps().await {
        app.with_records(&records(24)).await;
        let filter = json!([
            {"term": {"source.product": "firefox"}},
            {"term": {"target.channel": "release"}},
            {"term": {"target.platform": "win64"}},
        ]);
        let newest = json!({
            "size": 1, "query": {"bool": {"filter": filter}},
            "sort": [{"build.id": {"order": "desc"}}], "_source": ["build.id", "target.version"],
        });
        let answer = app.hits(&newest).await;
        assert_eq!(answer["hits"]["total"], 2);
        assert_eq!(
            answer["hits"]["hits"][0]["_source"],
            json!({"build": {"id": "20180510001717"}, "target": {"version": "61.0"}})
        );
        let versions = json!({"size": 0, "aggs": {"mine": {
            "filter": {"bool": {"must": [{"term": {"source.product": "firefox"}}]}},
            "aggs": {"target.version": {"terms": {
                "field": "target.version", "size": 1000, "order": {"_term": "desc"},
            }}},
        }}});
        let buckets = app.hits(&versions).await["aggregations"]["mine"].clone();
        assert_eq!(
            buckets["target.version"]["buckets"],
            json!([{"key": "61.0", "doc_count": 9}, {"key": "60.0", "doc_count": 9}])
        );
        let range = json!({"query": {"range": {"build.date": {"lt": "2018-05-10T00:02:00Z"}}}});
        assert_eq!(total(&app, &range).await, 3);
        let token = json!({"query": {"term": {"build.target": "darwin"}}, "size": "1"});
        assert_eq!(total(&app, &token).await, 10);
    }
}

#[actix_web::test]
async fn words_in_the_address_are_beginnings_that_must_all_match() {
    for app in apps().await {
        app.with_records(&records(24)).await;
        for (query, expected) in [
            ("firefox", 18),
            ("firefox+61+linux", 3),
            ("thunder%20win", 2),
            ("nothing", 0),
            ("", 30),
            ("build.id:2018051000171", 2),
            ("en-US", 30),
            ("%27source.product:firefox+AND+NOT+target.channel:beta", 12),
            ("%F0%9F%98%80", 0),
        ] {
            let answer = app.anonymous().get(&format!("/api/search?q={query}")).await;
            assert_eq!(answer.status, 200, "{query}: {}", answer.text());
            assert_eq!(answer.json()["hits"]["total"], expected, "{query}");
        }
        let answer = app
            .anonymous()
            .get("/api/search?q=firefox&size=3&from=17")
            .await
            .json();
        assert_eq!(answer["hits"]["hits"].as_array().unwrap().len(), 1);
    }
}
