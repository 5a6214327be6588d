// SPDX-License-Identifier: MPL-2.0
//! Correcting the log and the stack (treestatus.md §6).

use serde_json::{Value, json};

use crate::{App, apps};

async fn close(app: &App, reason: &str) -> Value {
    let body = json!({
        "trees": ["a"], "status": "closed", "reason": reason, "tags": ["infra"], "remember": true,
    });
    assert_eq!(app.update(body).await.status, 204);
    app.result("/trees/a").await["log_id"].clone()
}

async fn edit(app: &App, path: &str, body: Value) {
    let answer = app.sheriff().json("PATCH", path, &body).await;
    assert_eq!((answer.status, answer.text()), (200, String::new()));
}

#[actix_web::test]
async fn correcting_the_newest_entry_shows_at_once_on_tree_and_stack() {
    for app in apps().await {
        app.tree("a").await;
        let id = close(&app, "bug 1").await;
        let before = app.result("/trees/a/logs").await[0].clone();
        let words = json!({"reason": "bug 2", "tags": ["backlog"]});
        edit(&app, &format!("/log/{id}"), words).await;
        let mut expected = before;
        expected["reason"] = json!("bug 2");
        expected["tags"] = json!(["backlog"]);
        assert_eq!(app.result("/trees/a/logs").await, json!([expected]));
        let tree = app.result("/trees/a").await;
        assert_eq!(tree["reason"], "bug 2");
        assert_eq!(tree["tags"], json!(["backlog"]));
        assert_eq!(tree["status"], "closed");
        let state = app.result("/stack").await[0]["trees"][0]["last_state"].clone();
        assert_eq!(state["current_reason"], "bug 2");
        assert_eq!(state["current_tags"], json!(["backlog"]));
        assert_eq!((&state["reason"], &state["tags"]), (&json!(""), &json!([])));
    }
}

#[actix_web::test]
async fn empty_words_are_words_and_absent_ones_change_nothing() {
    for app in apps().await {
        app.tree("a").await;
        let path = format!("/log/{}", close(&app, "bug 1").await);
        edit(&app, &path, json!({})).await;
        let entry = app.result("/trees/a/logs").await[0].clone();
        assert_eq!(
            (&entry["reason"], &entry["tags"]),
            (&json!("bug 1"), &json!(["infra"]))
        );
        edit(&app, &path, json!({"reason": "", "tags": []})).await;
        let entry = app.result("/trees/a/logs").await[0].clone();
        assert_eq!((&entry["reason"], &entry["tags"]), (&json!(""), &json!([])));
        assert_eq!(app.result("/trees/a").await["reason"], "");
    }
}

#[actix_web::test]
async fn a_tree_shows_the_newest_reason_that_is_one() {
    for app in apps().await {
        app.tree("a").await;
        let old = close(&app, "bug 1").await;
        let newer = close(&app, "bug 2").await;
        app.update(json!({"trees": ["a"], "status": "open"})).await;
        edit(&app, &format!("/log/{old}"), json!({"reason": "bug 10"})).await;
        assert_eq!(app.result("/trees/a").await["reason"], "bug 2");
        edit(&app, &format!("/log/{newer}"), json!({"reason": "bug 20"})).await;
        assert_eq!(app.result("/trees/a").await["reason"], "bug 20");
    }
}

#[actix_web::test]
async fn a_reason_that_was_cleared_does_not_come_back_with_an_old_entry() {
    for app in apps().await {
        app.tree("a").await;
        let old = close(&app, "bug 1").await;
        app.update(json!({"trees": ["a"], "reason": ""})).await;
        app.update(json!({"trees": ["a"], "status": "open"})).await;
        edit(&app, &format!("/log/{old}"), json!({"reason": "bug 10"})).await;
        let id = app.result("/stack").await[0]["id"].clone();
        edit(&app, &format!("/stack/{id}"), json!({"reason": "bug 11"})).await;
        let tree = app.result("/trees/a").await;
        assert_eq!(
            (&tree["status"], &tree["reason"], &tree["tags"]),
            (&json!("open"), &json!(""), &json!([]))
        );
        // The newest entry shows, whatever was cleared.
        let newest = &tree["log_id"];
        edit(
            &app,
            &format!("/log/{newest}"),
            json!({"reason": "all well"}),
        )
        .await;
        assert_eq!(app.result("/trees/a").await["reason"], "all well");
    }
}

#[actix_web::test]
async fn the_placeholder_takes_no_reason_away() {
    let refusal =
        "reason must not be 'no change', which stands in the log for a reason that was not given";
    for app in apps().await {
        app.tree("a").await;
        let given = close(&app, "bug 1").await;
        let id = app.result("/stack").await[0]["id"].clone();
        let words = json!({"reason": "no change", "tags": ["other"]});
        let new =
            json!({"tree": "b", "status": "open", "reason": "no change", "message_of_the_day": ""});
        let update = json!({"trees": ["a"], "status": "open", "reason": "no change"});
        for answer in [
            app.sheriff()
                .json("PATCH", &format!("/log/{given}"), &words)
                .await,
            app.sheriff()
                .json("PATCH", &format!("/stack/{id}"), &words)
                .await,
            app.admin().json("PUT", "/trees/b", &new).await,
            app.update(update).await,
        ] {
            assert_eq!(
                (answer.status, &answer.json()["detail"]),
                (400, &json!(refusal))
            );
        }
        let tree = app.result("/trees/a").await;
        assert_eq!(
            (&tree["reason"], &tree["tags"]),
            (&json!("bug 1"), &json!(["infra"]))
        );
        // A form that sends back what stands there changes the rest.
        app.update(json!({"trees": ["a"], "status": "open"})).await;
        let newest = app.result("/trees/a").await["log_id"].clone();
        edit(&app, &format!("/log/{newest}"), words).await;
        let tree = app.result("/trees/a").await;
        assert_eq!(
            (&tree["reason"], &tree["tags"]),
            (&json!("bug 1"), &json!(["other"]))
        );
    }
}

#[actix_web::test]
async fn correcting_a_change_corrects_its_log_entries_and_not_what_is_restored() {
    for app in apps().await {
        app.tree("a").await;
        close(&app, "bug 1").await;
        let id = app.result("/stack").await[0]["id"].clone();
        let words = json!({"reason": "bug 2", "tags": ["merges"]});
        edit(&app, &format!("/stack/{id}"), words).await;
        let change = app.result("/stack").await[0].clone();
        assert_eq!(change["reason"], "bug 2");
        let state = &change["trees"][0]["last_state"];
        assert_eq!(state["current_reason"], "bug 2");
        assert_eq!(state["current_tags"], json!(["merges"]));
        assert_eq!(
            (&state["status"], &state["reason"]),
            (&json!("open"), &json!(""))
        );
        let entry = app.result("/trees/a/logs").await[0].clone();
        assert_eq!(
            (&entry["reason"], &entry["tags"]),
            (&json!("bug 2"), &json!(["merges"]))
        );
        assert_eq!(app.result("/trees/a").await["reason"], "bug 2");
        let restored = app.sheriff().delete(&format!("/stack2/restore/{id}")).await;
        assert_eq!(restored.status, 204);
        assert_eq!(app.result("/trees/a").await["reason"], "");
    }
}

#[actix_web::test]
async fn what_does_not_exist_is_named() {
    for app in apps().await {
        for id in ["7", "2147483648", "99999999999999999999"] {
            let log = app
                .sheriff()
                .json("PATCH", &format!("/log/{id}"), &json!({}))
                .await;
            assert_eq!(
                (log.status, &log.json()["detail"]),
                (400, &json!(format!("No tree log for id {id} found.")))
            );
            let stack = app
                .sheriff()
                .json("PATCH", &format!("/stack/{id}"), &json!({}))
                .await;
            assert_eq!(
                (stack.status, &stack.json()["detail"]),
                (404, &json!("No such change"))
            );
        }
        let wrong = json!({"tags": [1]});
        let wrong = app.sheriff().json("PATCH", "/log/7", &wrong).await;
        assert_eq!(
            (wrong.status, &wrong.json()["detail"]),
            (400, &json!("1 is not of type 'string' - 'tags.0'"))
        );
    }
}
