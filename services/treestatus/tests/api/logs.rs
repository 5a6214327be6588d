// SPDX-License-Identifier: MPL-2.0
//! Searching a log by pages, and sending all of a long one.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use releng_db::{Backend, Db};
use serde_json::{Value, json};

use crate::{App, apps};

async fn history(app: &App) {
    app.tree("a").await;
    for (n, reason) in ["Bug 1 red", "bug 2 100%", "planned", "BUG 3"]
        .into_iter()
        .enumerate()
    {
        let body =
            json!({"trees": ["a"], "status": "open", "reason": reason, "tags": [n.to_string()]});
        let client = if n == 2 { app.admin() } else { app.sheriff() };
        assert_eq!(client.json("PATCH", "/trees", &body).await.status, 204);
    }
}

async fn page(app: &App, query: &str) -> (Vec<String>, Value) {
    let answer = app.anonymous().get(&format!("/trees/a/logs?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let reason = |entry: &Value| entry["reason"].as_str().unwrap().to_owned();
    let reasons = body["result"].as_array().unwrap().iter().map(reason);
    (reasons.collect(), body["next"].clone())
}

#[actix_web::test]
async fn every_condition_narrows_the_log() {
    for app in apps().await {
        history(&app).await;
        let table: [(&str, &[&str]); 8] = [
            ("q=bug", &["BUG 3", "bug 2 100%", "Bug 1 red"]),
            ("q=100%25", &["bug 2 100%"]),
            ("q=_", &[]),
            ("q=bug&who=sheriff", &["BUG 3", "bug 2 100%", "Bug 1 red"]),
            ("who=admin", &["planned"]),
            ("since=2000-01-01&q=planned", &["planned"]),
            ("until=2000-01-01", &[]),
            ("since=9998-01-01T00:00:00Z", &[]),
        ];
        for (query, expected) in table {
            assert_eq!(
                page(&app, query).await,
                (
                    expected.iter().map(ToString::to_string).collect(),
                    Value::Null
                ),
                "{query}"
            );
        }
    }
}

#[actix_web::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    for app in apps().await {
        history(&app).await;
        let (first, next) = page(&app, "limit=3").await;
        assert_eq!(first, ["BUG 3", "planned", "bug 2 100%"]);
        // What comes in between does not shift the pages.
        app.update(json!({"trees": ["a"], "status": "open", "reason": "new"}))
            .await;
        let (second, end) = page(&app, &format!("limit=3&before={next}")).await;
        assert_eq!((second, end), (vec!["Bug 1 red".to_owned()], Value::Null));
    }
}

#[actix_web::test]
async fn parameters_that_make_no_sense_are_named() {
    for app in apps().await {
        history(&app).await;
        let table = [
            (
                "limit=0",
                "query parameter \"limit\" must be a whole number from 1 to 1000",
            ),
            (
                "limit=1001",
                "query parameter \"limit\" must be a whole number from 1 to 1000",
            ),
            (
                "before=x",
                "query parameter \"before\" must be a whole number from 1 to 2147483647",
            ),
            (
                "before=999999",
                "query parameter \"before\" must be the id of an entry of this log, not 999999",
            ),
            (
                "since=now",
                "query parameter \"since\" must be a time such as 2026-11-20 or 2026-11-20T06:00:00Z",
            ),
            (
                "q=%00",
                "query parameter \"q\" must not contain NUL characters",
            ),
            (
                "all=x",
                "Wrong type, expected 'integer' for query parameter 'all'",
            ),
        ];
        for (query, detail) in table {
            let answer = app.anonymous().get(&format!("/trees/a/logs?{query}")).await;
            assert_eq!(
                (answer.status, &answer.json()["detail"]),
                (400, &json!(detail)),
                "{query}"
            );
        }
        assert_eq!(
            app.anonymous().get("/trees/none/logs?q=x").await.status,
            404
        );
    }
}

#[actix_web::test]
async fn a_log_of_many_stretches_is_sent_whole_and_in_order() {
    for app in apps().await {
        app.tree("a").await;
        let url = app.0.database.url();
        let db = Db::connect(url, 2, Duration::from_secs(60)).unwrap();
        let series = match db.backend() {
            Backend::Postgres => "SELECT i FROM generate_series(1, 3500) AS s(i)",
            Backend::Sqlite => {
                "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3500) SELECT i FROM s"
            }
        };
        let fill = format!(
            "INSERT INTO releng_treestatus_log (tree, \"when\", who, status, reason, tags) \
             SELECT 'a', '2026-01-01 00:00:00', 'demo', 'open', CAST(i AS TEXT), '[]' FROM ({series}) AS n"
        );
        db.write(move |conn| Ok(conn.batch_execute(&fill)?))
            .await
            .unwrap();
        for path in ["/trees/a/logs_all", "/trees/a/logs?all=1"] {
            let log = app.result(path).await;
            let reasons: Vec<&str> = log
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["reason"].as_str().unwrap())
                .collect();
            let expected: Vec<String> = (1..=3500).rev().map(|n| n.to_string()).collect();
            assert_eq!(reasons, expected);
        }
        assert_eq!(
            app.result("/trees/a/logs").await.as_array().unwrap().len(),
            5
        );
    }
}
