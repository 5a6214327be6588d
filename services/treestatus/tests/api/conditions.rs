// SPDX-License-Identifier: MPL-2.0
//! Updates that are done only if nobody was faster, and categories.

use releng_testkit::app::Answer;
use serde_json::{Value, json};

use crate::{App, apps};

fn close(reason: &str) -> Value {
    json!({"trees": ["a"], "status": "closed", "reason": reason, "tags": ["infra"]})
}

async fn update_if(app: &App, log_id: &str, body: &Value) -> Answer {
    send_if(app, "PATCH", "/trees", &[log_id.as_bytes()], body).await
}

/// Values of `If-Match`, each in a header of its own.
type Headers<'a> = &'a [&'a [u8]];

/// Sends a change with these `If-Match` headers as the administrator.
async fn send_if(
    app: &App,
    method: &str,
    path: &str,
    headers: Headers<'_>,
    body: &Value,
) -> Answer {
    let admin = app.admin();
    let mut request = admin.request(method.parse().unwrap(), path);
    for value in headers {
        let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
        request = request.header("if-match", value);
    }
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    admin.send(request).await
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
async fn no_condition_is_dropped_in_silence() {
    let rule =
        "If-Match must be one log_id in double quotes, 0 for none, and trees must name one tree";
    let foreign = "If-Match is not understood here: it is for PATCH /trees, DELETE /trees/{tree} and DELETE /trees2";
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        let mut both = close("r");
        both["if_log_ids"] = json!({"a": 7});
        let mut huge = close("r");
        huge["if_log_ids"] = json!({"a": 9_223_372_036_854_775_808_u64});
        let two = json!({"trees": ["a", "b"]});
        let edit = json!({"reason": "r"});
        let tree = json!({"tree": "c", "status": "open", "reason": "", "message_of_the_day": ""});
        let one: Headers = &[b"\"0\""];
        let table: [(&str, &str, Headers, &Value, &str); 11] = [
            (
                "PATCH",
                "/trees",
                &["\"0\u{e4}\"".as_bytes()],
                &close("r"),
                rule,
            ),
            ("PATCH", "/trees", &[b"\"0\"", b"\"0\""], &close("r"), rule),
            (
                "PATCH",
                "/trees",
                &[b"\"99999999999999999999\""],
                &close("r"),
                rule,
            ),
            (
                "PATCH",
                "/trees",
                one,
                &both,
                "If-Match and if_log_ids must not differ",
            ),
            (
                "PATCH",
                "/trees",
                &[],
                &huge,
                "9223372036854775808 is greater than the maximum of 9223372036854775807 - 'if_log_ids.a'",
            ),
            ("DELETE", "/trees/a", &[b"W/\"0\""], &Value::Null, rule),
            ("DELETE", "/trees2", one, &two, rule),
            ("PUT", "/trees/c", one, &tree, foreign),
            ("PATCH", "/log/1", one, &edit, foreign),
            ("PATCH", "/stack/1", one, &edit, foreign),
            ("DELETE", "/stack/1", one, &Value::Null, foreign),
        ];
        for (method, path, headers, body, detail) in table {
            let answer = send_if(&app, method, path, headers, body).await;
            let told = (answer.status, &answer.json()["detail"]);
            assert_eq!(told, (400, &json!(detail)), "{method} {path} {headers:?}");
        }
        let trees = app.result("/trees").await;
        assert_eq!(trees.as_object().unwrap().len(), 2);
        assert_eq!(app.result("/trees/a/logs").await, json!([]));
    }
}

#[actix_web::test]
async fn trees_named_twice_are_one_and_header_and_body_may_say_the_same() {
    for app in apps().await {
        app.tree("a").await;
        let mut body = close("bug 1");
        body["trees"] = json!(["a", "a"]);
        body["if_log_ids"] = json!({"a": 0});
        assert_eq!(update_if(&app, "\"0\"", &body).await.status, 204);
        assert_eq!(update_if(&app, "\"0\"", &close("bug 2")).await.status, 412);
        assert_eq!(update_if(&app, "*", &close("bug 2")).await.status, 204);
    }
}

#[actix_web::test]
async fn a_tree_that_changed_since_is_not_deleted() {
    for app in apps().await {
        let one = json!({"trees": ["a", "a"]});
        for (path, body) in [("/trees/a", &Value::Null), ("/trees2", &one)] {
            app.tree("a").await;
            app.update(close("bug 1")).await;
            let tree = app.result("/trees/a").await;
            let late = send_if(&app, "DELETE", path, &[b"\"0\""], body).await;
            assert_eq!((late.status, &late.json()["trees"]["a"]), (412, &tree));
            assert_eq!(app.result("/trees/a").await, tree);
            let seen = format!("\"{}\"", tree["log_id"]);
            let gone = send_if(&app, "DELETE", path, &[seen.as_bytes()], body).await;
            assert_eq!(gone.status, 204, "{}", gone.text());
            assert_eq!(app.anonymous().get("/trees/a").await.status, 404);
        }
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
