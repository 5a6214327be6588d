// SPDX-License-Identifier: MPL-2.0
use serde_json::{Value, json};

use crate::apps;

#[actix_web::test]
async fn after_concurrent_updates_the_tree_equals_its_newest_log_entry() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        let updates = (0..30).map(|n| {
            let trees = if n % 2 == 0 {
                json!(["a", "b"])
            } else {
                json!(["b", "a"])
            };
            let status = if n % 3 == 0 { "closed" } else { "open" };
            app.update(json!({
                "trees": trees, "status": status, "reason": n.to_string(), "tags": ["other"],
            }))
        });
        for answer in futures_util::future::join_all(updates).await {
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        for name in ["a", "b"] {
            let tree = app.result(&format!("/trees/{name}")).await;
            let log = app.result(&format!("/trees/{name}/logs_all")).await;
            let log = log.as_array().unwrap();
            assert_eq!(log.len(), 30);
            assert_eq!(tree["log_id"], log[0]["id"]);
            assert_eq!(tree["status"], log[0]["status"]);
            assert_eq!(tree["reason"], log[0]["reason"]);
            let by_time = |e: &Value| e["when"].as_str().unwrap().to_owned();
            assert!(log.windows(2).all(|w| by_time(&w[0]) >= by_time(&w[1])));
            assert!(
                log.windows(2)
                    .all(|w| w[0]["id"].as_i64() > w[1]["id"].as_i64())
            );
        }
    }
}

#[actix_web::test]
async fn a_read_that_starts_after_an_answered_change_sees_it() {
    for app in apps().await {
        app.tree("a").await;
        for n in 0..25 {
            app.update(json!({"trees": ["a"], "status": "open", "reason": n.to_string()}))
                .await;
            assert_eq!(app.result("/trees/a").await["reason"], n.to_string());
            assert_eq!(app.result("/trees").await["a"]["reason"], n.to_string());
        }
    }
}
