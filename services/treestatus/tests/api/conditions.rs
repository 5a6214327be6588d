// SPDX-License-Identifier: MPL-2.0
//! Updates that are done only if nobody was faster, and categories.

use serde_json::{Value, json};

use crate::{App, apps};

fn close(reason: &str) -> Value {
    json!({"trees": ["a"], "status": "closed", "reason": reason, "tags": ["infra"]})
}

async fn update_if(app: &App, log_id: &str, body: &Value) -> releng_testkit::app::Answer {
    let sheriff = app.sheriff();
    let request = sheriff
        .request(reqwest::Method::PATCH, "/trees")
        .header("content-type", "application/json")
        .header("if-match", log_id)
        .body(body.to_string());
    sheriff.send(request).await
}

#[actix_web::test]
async fn of_two_sheriffs_who_saw_the_same_state_the_second_is_told() {
    for app in apps().await {
        app.tree("a").await;
        assert_eq!(update_if(&app, "\"0\"", &close("bug 1")).await.status, 204);
        let tree = app.result("/trees/a").await;
        let late = update_if(&app, "\"0\"", &close("bug 2")).await;
        assert_eq!(late.status, 412);
        assert_eq!(
            late.json(),
            json!({
                "detail": "changed in the meantime: a", "instance": "about:blank", "status": 412,
                "title": "412 Precondition Failed: changed in the meantime: a",
                "type": "about:blank", "trees": {"a": tree},
            })
        );
        assert_eq!(app.result("/trees/a").await, tree);
        let seen = format!("\"{}\"", tree["log_id"]);
        assert_eq!(update_if(&app, &seen, &close("bug 2")).await.status, 204);
    }
}

#[actix_web::test]
async fn the_body_states_conditions_for_several_trees() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        app.update(close("bug 1")).await;
        let id = app.result("/trees/a").await["log_id"].clone();
        let both = |a: Value| {
            json!({
                "trees": ["a", "b"], "status": "open", "reason": "", "tags": [],
                "if_log_ids": {"a": a, "b": 0},
            })
        };
        let late = app.update(both(json!(0))).await;
        assert_eq!(late.status, 412);
        assert_eq!(late.json()["trees"].as_object().unwrap().len(), 1);
        assert_eq!(app.result("/trees/b").await["log_id"], Value::Null);
        assert_eq!(app.update(both(id)).await.status, 204);
    }
}

#[actix_web::test]
async fn conditions_that_make_no_sense_are_refused() {
    for app in apps().await {
        app.tree("a").await;
        for text in ["12", "\"x\"", "\"1\", \"2\""] {
            let answer = update_if(&app, text, &close("r")).await;
            assert_eq!(
                (answer.status, &answer.json()["detail"]),
                (
                    400,
                    &json!(
                        "If-Match must be one log_id in double quotes, 0 for none, and trees must name one tree"
                    )
                )
            );
        }
        let mut foreign = close("r");
        foreign["if_log_ids"] = json!({"b": 1});
        let answer = app.update(foreign).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (
                400,
                &json!("if_log_ids must name trees of the request, not \"b\"")
            )
        );
        assert_eq!(app.result("/trees/a/logs").await, json!([]));
    }
}

#[actix_web::test]
async fn a_category_is_suggested_by_the_name_until_somebody_sets_it() {
    for app in apps().await {
        app.tree("mozilla-esr140").await;
        let path = "/trees/mozilla-esr140";
        assert_eq!(app.result(path).await["category"], "release_stabilization");
        let body = json!({"trees": ["mozilla-esr140"], "category": "other"});
        assert_eq!(app.update(body).await.status, 204);
        assert_eq!(app.result(path).await["category"], "other");
        assert_eq!(app.result(&format!("{path}/logs")).await, json!([]));
        let made = json!({
            "tree": "x", "status": "open", "reason": "", "message_of_the_day": "",
            "category": "comm_repos",
        });
        assert_eq!(app.admin().json("PUT", "/trees/x", &made).await.status, 204);
        assert_eq!(app.result("/trees/x").await["category"], "comm_repos");
        let wrong = json!({"trees": ["x"], "category": "Try"});
        let wrong = app.update(wrong).await;
        assert_eq!(wrong.status, 400);
        assert!(
            wrong.json()["detail"]
                .as_str()
                .unwrap()
                .starts_with("category must be one of")
        );
    }
}
