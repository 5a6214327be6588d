// SPDX-License-Identifier: MPL-2.0
use serde_json::{Value, json};

use crate::apps;

#[actix_web::test]
async fn a_new_tree_is_seen_in_every_form_and_has_no_log() {
    for app in apps().await {
        app.tree("autoland").await;
        let tree = json!({
            "tree": "autoland", "status": "open", "reason": "", "message_of_the_day": "",
            "tags": [], "log_id": null, "category": "development",
        });
        assert_eq!(app.result("/trees").await, json!({"autoland": tree}));
        assert_eq!(app.result("/trees2").await, json!([tree]));
        assert_eq!(app.result("/trees/autoland").await, tree);
        let flat = app.anonymous().get("/v0/trees/autoland?format=json").await;
        assert_eq!(flat.json(), tree);
        let flat = app.anonymous().get("/v0/trees?format=json").await;
        assert_eq!(flat.json(), json!({"autoland": tree}));
        assert_eq!(app.result("/trees/autoland/logs").await, json!([]));
    }
}

#[actix_web::test]
async fn closing_needs_a_category_and_shows_everywhere() {
    for app in apps().await {
        app.tree("autoland").await;
        let refused = app.update(json!({"trees": ["autoland"], "status": "closed", "reason": "r"}));
        let refused = refused.await;
        assert_eq!(refused.status, 400);
        assert_eq!(
            refused.json()["detail"],
            "tags are required when closing a tree"
        );

        let body = json!({"trees": ["autoland"], "status": "closed", "reason": "bug 1", "tags": ["infra"]});
        let closed = app.update(body).await;
        assert_eq!((closed.status, closed.text()), (204, String::new()));
        let log = app.result("/trees/autoland/logs").await;
        let id = log[0]["id"].clone();
        let when = log[0]["when"].as_str().unwrap();
        assert!(when.ends_with("+00:00") && when.contains('T'), "{when}");
        assert_eq!(
            log,
            json!([{
                "id": id, "tree": "autoland", "when": when, "who": "demo/sheriff",
                "status": "closed", "reason": "bug 1", "tags": ["infra"],
            }])
        );
        assert_eq!(
            app.result("/trees/autoland").await,
            json!({
                "tree": "autoland", "status": "closed", "reason": "bug 1",
                "message_of_the_day": "", "tags": ["infra"], "log_id": id,
                "category": "development",
            })
        );
    }
}

#[actix_web::test]
async fn a_change_of_the_reason_alone_keeps_a_closed_tree_closed() {
    for app in apps().await {
        app.tree("autoland").await;
        let close = json!({"trees": ["autoland"], "status": "closed", "reason": "bug 1", "tags": ["infra"]});
        app.update(close).await;
        assert_eq!(
            app.update(json!({"trees": ["autoland"], "reason": "bug 2"}))
                .await
                .status,
            204
        );
        let tree = app.result("/trees/autoland").await;
        assert_eq!(tree["status"], "closed");
        assert_eq!(tree["reason"], "bug 2");
        assert_eq!(tree["tags"], json!([]));
        let log = app.result("/trees/autoland/logs").await;
        assert_eq!(log[0]["status"], "no change");
        assert_eq!(log[0]["reason"], "bug 2");
    }
}

#[actix_web::test]
async fn the_message_of_the_day_is_not_logged() {
    for app in apps().await {
        app.tree("try").await;
        let body = json!({"trees": ["try"], "message_of_the_day": "be nice"});
        assert_eq!(app.update(body).await.status, 204);
        assert_eq!(
            app.result("/trees/try").await["message_of_the_day"],
            "be nice"
        );
        assert_eq!(app.result("/trees/try/logs").await, json!([]));
    }
}

#[actix_web::test]
async fn logs_shows_the_five_newest_and_logs_all_everything() {
    for app in apps().await {
        app.tree("try").await;
        for n in 0..7 {
            app.update(json!({"trees": ["try"], "status": "open", "reason": n.to_string()}))
                .await;
        }
        let reasons = |log: Value| {
            log.as_array()
                .unwrap()
                .iter()
                .map(|e| e["reason"].clone())
                .collect::<Vec<_>>()
        };
        let all = reasons(app.result("/trees/try/logs_all").await);
        assert_eq!(all, ["6", "5", "4", "3", "2", "1", "0"]);
        assert_eq!(reasons(app.result("/trees/try/logs").await), all[..5]);
        assert_eq!(reasons(app.result("/trees/try/logs?all=1").await), all);
        assert_eq!(reasons(app.result("/trees/try/logs?all=0").await), all[..5]);
    }
}

#[actix_web::test]
async fn an_update_is_all_or_nothing() {
    for app in apps().await {
        app.tree("a").await;
        let body =
            json!({"trees": ["zz", "a", "b"], "status": "closed", "reason": "r", "tags": ["x"]});
        let refused = app.update(body).await;
        assert_eq!(refused.status, 404);
        assert_eq!(
            refused.json()["detail"],
            "Could not fetch the following trees: {'b', 'zz'}"
        );
        assert_eq!(app.result("/trees/a").await["status"], "open");
    }
}

#[actix_web::test]
async fn names_that_need_escaping_are_reachable() {
    for app in apps().await {
        let body =
            json!({"tree": "a b+%ü", "status": "open", "reason": "", "message_of_the_day": ""});
        let path = "/trees/a%20b+%25%C3%BC";
        assert_eq!(app.admin().json("PUT", path, &body).await.status, 204);
        assert_eq!(app.result(path).await["tree"], "a b+%ü");
        assert_eq!(app.admin().delete(path).await.status, 204);
        assert_eq!(app.anonymous().get(path).await.status, 404);
    }
}

#[actix_web::test]
async fn deleting_several_is_all_or_nothing_and_takes_the_logs_along() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        app.update(json!({"trees": ["a"], "status": "open", "reason": "r"}))
            .await;
        let refused = app
            .admin()
            .json("DELETE", "/trees2", &json!({"trees": ["a", "nope"]}))
            .await;
        assert_eq!(
            (refused.status, &refused.json()["detail"]),
            (404, &json!("No such tree"))
        );
        assert_eq!(app.result("/trees/a").await["tree"], "a");
        let done = app
            .admin()
            .json("DELETE", "/trees2", &json!({"trees": ["a", "b"]}))
            .await;
        assert_eq!(done.status, 204);
        assert_eq!(app.result("/trees").await, json!({}));
        app.tree("a").await;
        assert_eq!(app.result("/trees/a").await["log_id"], Value::Null);
        assert_eq!(app.result("/trees/a/logs_all").await, json!([]));
    }
}
