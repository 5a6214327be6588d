// SPDX-License-Identifier: MPL-2.0
use serde_json::{Value, json};

use crate::{App, apps};

async fn close(app: &App, tree: &str) {
    let body = json!({
        "trees": [tree], "status": "closed", "reason": "bug 1", "tags": ["infra"], "remember": true,
    });
    assert_eq!(app.update(body).await.status, 204);
}

#[actix_web::test]
async fn a_remembered_change_holds_before_and_after() {
    for app in apps().await {
        app.tree("autoland").await;
        close(&app, "autoland").await;
        let stack = app.result("/stack").await;
        let (entry, part) = (&stack[0], &stack[0]["trees"][0]);
        let log_id = app.result("/trees/autoland").await["log_id"].clone();
        assert_eq!(
            stack,
            json!([{
                "id": entry["id"], "when": entry["when"], "who": "demo/sheriff",
                "status": "closed", "reason": "bug 1",
                "trees": [{
                    "id": part["id"], "tree": "autoland",
                    "last_state": {
                        "status": "open", "reason": "", "tags": [], "log_id": null,
                        "current_status": "closed", "current_reason": "bug 1",
                        "current_tags": ["infra"], "current_log_id": log_id,
                    },
                }],
            }])
        );
    }
}

#[actix_web::test]
async fn restoring_leads_back_and_takes_the_entry_away() {
    for app in apps().await {
        app.tree("autoland").await;
        close(&app, "autoland").await;
        let id = app.result("/stack").await[0]["id"].clone();
        assert_eq!(
            app.sheriff()
                .delete(&format!("/stack/{id}?revert=1"))
                .await
                .status,
            204
        );
        let tree = app.result("/trees/autoland").await;
        assert_eq!(
            (&tree["status"], &tree["reason"]),
            (&json!("open"), &json!(""))
        );
        assert_eq!(app.result("/stack").await, json!([]));
        assert_eq!(
            app.result("/trees/autoland/logs").await[0]["who"],
            "demo/sheriff"
        );
        let again = app.sheriff().delete(&format!("/stack2/restore/{id}")).await;
        assert_eq!(
            (again.status, &again.json()["detail"]),
            (404, &json!("No such change"))
        );
    }
}

#[actix_web::test]
async fn discarding_changes_no_tree() {
    for app in apps().await {
        let paths = ["/stack2/discard/{}", "/stack/{}", "/stack/{}?revert=0"];
        for (tree, path) in ["a", "b", "c"].into_iter().zip(paths) {
            app.tree(tree).await;
            close(&app, tree).await;
            let id = app.result("/stack").await[0]["id"].to_string();
            assert_eq!(
                app.sheriff().delete(&path.replace("{}", &id)).await.status,
                204
            );
            assert_eq!(
                app.result(&format!("/trees/{tree}")).await["status"],
                "closed"
            );
            assert_eq!(app.result("/stack").await, json!([]));
        }
    }
}

#[actix_web::test]
async fn deleting_a_tree_takes_its_part_of_the_stack_along() {
    for app in apps().await {
        app.tree("a").await;
        close(&app, "a").await;
        assert_eq!(app.admin().delete("/trees/a").await.status, 204);
        assert_eq!(app.result("/stack").await, json!([]));
    }
}

#[actix_web::test]
async fn of_many_restores_of_one_entry_exactly_one_wins() {
    for app in apps().await {
        app.tree("a").await;
        close(&app, "a").await;
        let id = app.result("/stack").await[0]["id"].to_string();
        let path = format!("/stack2/restore/{id}");
        let sheriff = app.sheriff();
        let answers = futures_util::future::join_all((0..8).map(|_| sheriff.delete(&path))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404]);
        let log: Value = app.result("/trees/a/logs_all").await;
        assert_eq!(log.as_array().unwrap().len(), 2);
    }
}

#[actix_web::test]
async fn what_old_rows_remember_is_restored_member_by_member() {
    for app in apps().await {
        app.tree("a").await;
        let update = |status: &str, reason: &str| json!({"trees": ["a"], "status": status, "reason": reason, "tags": ["infra"], "remember": true});
        app.update(update("approval required", "bug 1")).await;
        app.update(json!({"trees": ["a"], "reason": "bug 2"})).await;
        let seen = app.result("/trees/a").await["log_id"].clone();
        app.update(update("open", "bug 3")).await;
        // As the Python service of 2019 to 2024 took it from the newest log entry, with a list that is none.
        let state = json!({"status": "no change", "reason": "bug 2", "tags": null, "log_id": seen});
        app.run_sql(&format!(
            "UPDATE releng_treestatus_change_trees SET last_state = '{state}' WHERE id = (SELECT max(id) FROM releng_treestatus_change_trees)"
        ))
        .await;
        let shown = app.result("/stack").await[0]["trees"][0]["last_state"].clone();
        assert_eq!(
            (&shown["status"], &shown["reason"], &shown["tags"]),
            (&json!("no change"), &json!("bug 2"), &json!([]))
        );
        restore_newest(&app).await;
        let tree = app.result("/trees/a").await;
        assert_eq!(
            (&tree["status"], &tree["reason"], &tree["tags"]),
            (&json!("approval required"), &json!("bug 2"), &json!([]))
        );
        // The reason may be the placeholder as well.
        app.update(json!({"trees": ["a"], "status": "open"})).await;
        let seen = app.result("/trees/a").await["log_id"].clone();
        app.update(update("closed", "bug 4")).await;
        let state = json!({"status": "open", "reason": "no change", "log_id": seen});
        app.run_sql(&format!(
            "UPDATE releng_treestatus_change_trees SET last_state = '{state}' WHERE id = (SELECT max(id) FROM releng_treestatus_change_trees)"
        ))
        .await;
        restore_newest(&app).await;
        let tree = app.result("/trees/a").await;
        assert_eq!(
            (&tree["status"], &tree["reason"]),
            (&json!("open"), &json!("bug 2"))
        );
    }
}

async fn restore_newest(app: &App) {
    let id = app.result("/stack").await[0]["id"].clone();
    let restored = app.sheriff().delete(&format!("/stack2/restore/{id}")).await;
    assert_eq!(restored.status, 204, "{}", restored.text());
}

#[actix_web::test]
async fn a_tree_in_more_entries_than_a_statement_takes_values_is_deleted() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        app.run_sql(
            "INSERT INTO releng_treestatus_changes (who, reason, \"when\", status) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) \
             SELECT 'demo/one', 'r', '2026-01-01 00:00:00', 'closed' FROM n; \
             INSERT INTO releng_treestatus_change_trees (stack_id, tree, last_state) \
             SELECT id, 'a', '{}' FROM releng_treestatus_changes; \
             INSERT INTO releng_treestatus_change_trees (stack_id, tree, last_state) \
             SELECT max(id), 'b', '{}' FROM releng_treestatus_changes;",
        )
        .await;
        let gone = app.admin().delete("/trees/a").await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        let stack = app.result("/stack").await;
        assert_eq!(stack.as_array().unwrap().len(), 1, "only that of b is left");
        assert_eq!(stack[0]["trees"][0]["tree"], "b");
    }
}
