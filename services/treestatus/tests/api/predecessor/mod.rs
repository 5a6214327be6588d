// SPDX-License-Identifier: MPL-2.0
//! A PostgreSQL database of the Python service, of either generation, is opened in place: every read and
//! every change works on it, and the Python service still works on the result.

mod rows;

use std::process::Command;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use releng_db::Db;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::temp;
use serde_json::{Value, json};

use crate::App;
use rows::{GENERATION_1, GENERATION_2, STATEMENTS, TABLES};

/// A service on a database of the Python service.
struct Adopted {
    app: App,
    db: Db,
    _database: TestDatabase,
}

/// Makes the database, migrates it by the command that operators use, and starts a service on it.
async fn adopted(rows: &str) -> Adopted {
    let (database, db) = database(rows).await;
    migrate(database.url());
    let builder = TestAppBuilder::new(Backend::Postgres)
        .set("DATABASE_URL", database.url())
        .with_client("demo/admin", &["project:releng:services/treestatus/*"])
        .with_client("demo/sheriff", &["project:releng:treestatus/*"]);
    Adopted {
        app: App(builder.start().await),
        db,
        _database: database,
    }
}

async fn database(rows: &str) -> (TestDatabase, Db) {
    let database = TestDatabase::empty(Backend::Postgres);
    let db = Db::connect(database.url(), 2, Duration::from_secs(20)).unwrap();
    let sql = format!("{TABLES}{rows}");
    db.write(move |conn| Ok(conn.batch_execute(&sql)?))
        .await
        .unwrap();
    (database, db)
}

/// Twice: what is done already is not done again.
fn migrate(url: &str) {
    for _ in 0..2 {
        let folder = temp::dir();
        let output = Command::new(env!("CARGO_BIN_EXE_releng-treestatus"))
            .arg("migrate")
            .env_clear()
            .env("DATA_DIR", folder.path())
            .env("DATABASE_URL", url)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn has_postgres() -> bool {
    backends().contains(&Backend::Postgres)
}

/// Asserts on some members of a tree.
async fn assert_tree(app: &App, name: &str, status: &str, reason: &str, tags: Value) {
    let path = format!("/trees/{}", name.replace(' ', "%20"));
    let tree = app.result(&path).await;
    let shown = (&tree["status"], &tree["reason"], &tree["tags"]);
    assert_eq!(shown, (&json!(status), &json!(reason), &tags), "{tree}");
    assert_eq!(app.result("/trees").await[name], tree);
    let flat = app.anonymous().get(&format!("/v0{path}")).await;
    assert_eq!(flat.json(), tree);
}

#[actix_web::test]
async fn trees_of_generation_1_look_as_they_did() {
    if !has_postgres() {
        return;
    }
    let adopted = adopted(GENERATION_1).await;
    let app = &adopted.app;
    assert_tree(app, "autoland", "closed", "bug 2 is bad", json!([""])).await;
    assert_tree(app, "mozilla-central", "open", "", json!([])).await;
    assert_tree(app, "cleared", "open", "", json!([])).await;
    assert_tree(app, "odd", "approval-required", "imported", json!([])).await;
    assert_tree(app, "with blank", "approval required", "bug 3", json!([])).await;
    assert_eq!(
        app.result("/trees/autoland").await["message_of_the_day"],
        "be kind"
    );
    assert_eq!(app.result("/trees2").await.as_array().unwrap().len(), 5);

    let log = app.result("/trees/autoland/logs?all=1").await;
    assert_eq!(log, app.result("/trees/autoland/logs_all").await);
    let list = log.as_array().unwrap();
    let statuses: Vec<&Value> = list.iter().map(|entry| &entry["status"]).collect();
    assert_eq!(statuses, ["no change", "closed", "motd", "added"]);
    assert_eq!(
        log[3],
        json!({"id": 1, "tree": "autoland", "when": "2012-03-04T05:06:07+00:00", "who": "human:someone@example.com",
            "status": "added", "reason": "no change", "tags": []})
    );
    assert_eq!(log[2]["when"], "2017-01-02T03:04:05.500000+00:00");
    assert_eq!(log[1]["tags"], json!(["checkin_test", "infra"]));

    let stack = app.result("/stack").await;
    let ids: Vec<i64> = stack
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [4, 3, 1], "the one without trees belongs to nothing");
    assert_eq!(
        stack[2]["trees"][0],
        json!({"id": 1, "tree": "autoland", "last_state": {
            "status": "open", "reason": "", "tags": [], "log_id": null, "current_status": "closed",
            "current_reason": "New tree", "current_tags": [], "current_log_id": null}})
    );
    for path in [
        "/static/ui",
        "/static/ui/treestatus/show/autoland",
        "/static/ui/treestatus/show/odd",
    ] {
        assert_eq!(app.anonymous().get(path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn changes_of_generation_1_are_undone_and_corrected() {
    if !has_postgres() {
        return;
    }
    let adopted = adopted(GENERATION_1).await;
    let app = &adopted.app;
    let edit = json!({"reason": "bug 10", "tags": ["backlog"]});
    assert_eq!(
        app.sheriff().json("PATCH", "/stack/1", &edit).await.status,
        200
    );
    let stack = app.result("/stack").await;
    assert_eq!(
        stack[2]["trees"][0]["last_state"]["current_reason"],
        "bug 10"
    );
    assert_eq!(stack[2]["trees"][0]["last_state"]["reason"], "");
    for id in [1, 3, 4] {
        let path = format!("/stack2/restore/{id}");
        assert_eq!(app.sheriff().delete(&path).await.status, 204, "{id}");
        assert_eq!(app.sheriff().delete(&path).await.status, 404, "{id}");
    }
    assert_tree(app, "autoland", "open", "", json!([])).await;
    assert_tree(
        app,
        "mozilla-central",
        "approval required",
        "bug 9",
        json!([]),
    )
    .await;
    // What is not remembered is closed, as the Python service filled it in.
    assert_tree(app, "with blank", "closed", "New tree", json!([])).await;
    assert_tree(app, "odd", "closed", "r", json!([])).await;
    assert_eq!(app.anonymous().get("/trees/gone").await.status, 404);
    assert_eq!(app.result("/stack").await, json!([]));
    assert_eq!(app.sheriff().delete("/stack2/discard/2").await.status, 204);
    every_change_works(app, "autoland").await;
}

#[actix_web::test]
async fn trees_of_generation_2_show_the_newest_real_values_of_their_logs() {
    if !has_postgres() {
        return;
    }
    let adopted = adopted(GENERATION_2).await;
    let app = &adopted.app;
    assert_tree(app, "autoland", "closed", "bug 1", json!(["infra"])).await;
    assert_tree(
        app,
        "mozilla-central",
        "open",
        "after the correction",
        json!([""]),
    )
    .await;
    assert_tree(app, "raced", "closed", "won", json!(["other"])).await;
    assert_tree(app, "placeholder", "closed", "bug 8", json!([])).await;
    assert_tree(app, "try", "open", "", json!([])).await;
    assert_eq!(app.result("/trees/raced").await["message_of_the_day"], "m");
    let state = app.result("/stack").await[0]["trees"][0]["last_state"].clone();
    assert_eq!(
        state,
        json!({"status": "open", "reason": "fixed", "tags": [], "log_id": 1, "current_status": "closed",
            "current_reason": "bug 1", "current_tags": ["infra"], "current_log_id": 2})
    );
    // A correction of the entry reaches the stack and the tree.
    let edit = json!({"reason": "bug 2", "tags": ["other"]});
    assert_eq!(
        app.sheriff().json("PATCH", "/log/2", &edit).await.status,
        200
    );
    assert_tree(app, "autoland", "closed", "bug 2", json!(["other"])).await;
    let state = app.result("/stack").await[0]["trees"][0]["last_state"].clone();
    assert_eq!(state["current_reason"], "bug 2");
    assert_eq!(app.sheriff().delete("/stack/1?revert=1").await.status, 204);
    assert_tree(app, "autoland", "open", "fixed", json!([])).await;
    every_change_works(app, "raced").await;
}

/// Does everything that can be done to a tree.
async fn every_change_works(app: &App, name: &str) {
    let path = format!("/trees/{name}");
    let newest = app.result(&path).await["log_id"].as_i64().unwrap();
    let body = json!({"trees": [name], "status": "closed", "reason": "bug 20", "tags": ["infra"],
        "remember": true, "message_of_the_day": "hello"});
    assert_eq!(app.update(body).await.status, 204);
    let tree = app.result(&path).await;
    assert!(tree["log_id"].as_i64().unwrap() > newest, "{tree}");
    assert_eq!(tree["message_of_the_day"], "hello");
    let log = app.result(&format!("{path}/logs")).await;
    assert_eq!(log[0]["id"], tree["log_id"]);
    let change = app.result("/stack").await[0].clone();
    assert_eq!(change["trees"][0]["last_state"]["log_id"], newest);
    let undo = format!("/stack2/restore/{}", change["id"]);
    assert_eq!(app.sheriff().delete(&undo).await.status, 204);
    assert_eq!(
        app.update(json!({"trees": [name], "reason": "why"}))
            .await
            .status,
        204
    );
    assert_eq!(app.result(&path).await["reason"], "why");
    assert_eq!(app.admin().delete(&path).await.status, 204);
    assert_eq!(app.anonymous().get(&path).await.status, 404);
    app.tree(name).await;
    assert_eq!(app.result(&format!("{path}/logs_all")).await, json!([]));
    assert_eq!(app.result(&path).await["log_id"], Value::Null);
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Columns with their types, defaults and NULLs, and constraints, of the Python service's tables.
const SHAPE: &str = "WITH old (name) AS (VALUES ('releng_treestatus_trees'), \
    ('releng_treestatus_log'), ('releng_treestatus_changes'), ('releng_treestatus_change_trees')) \
    SELECT concat_ws(' ', table_name, column_name, data_type, \
    character_maximum_length, is_nullable, column_default) AS line \
    FROM information_schema.columns WHERE table_name IN (SELECT name FROM old) \
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
    FROM pg_constraint WHERE conrelid::regclass::text IN (SELECT name FROM old) \
    UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename IN (SELECT name FROM old) ORDER BY line";

async fn shape(db: &Db) -> Vec<String> {
    let lines = db.read(|conn| Ok(diesel::sql_query(SHAPE).load::<Line>(conn)?));
    lines
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.line)
        .collect()
}

#[actix_web::test]
async fn the_python_service_works_on_the_result() {
    if !has_postgres() {
        return;
    }
    for rows in [GENERATION_1, GENERATION_2] {
        let (database, db) = database(rows).await;
        let before = shape(&db).await;
        migrate(database.url());
        let after = shape(&db).await;
        let lost: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        // A new column that must be filled would stop it.
        let added = after.iter().filter(|line| !before.contains(line));
        for line in added {
            let is_harmless =
                line.ends_with("character varying 32 YES") || line.starts_with("CREATE INDEX");
            assert!(is_harmless, "{line}");
        }
    }
    let adopted = adopted(GENERATION_2).await;
    let app = &adopted.app;
    let body = json!({"trees": ["autoland", "try"], "status": "closed", "reason": "bug 30", "tags": ["infra"], "remember": true});
    assert_eq!(app.update(body).await.status, 204);
    for statement in STATEMENTS {
        adopted
            .db
            .write(move |conn| Ok(conn.batch_execute(statement)?))
            .await
            .unwrap_or_else(|e| panic!("{statement}: {}", e.chain()));
    }
    // And we see what it did, at once.
    let late = app.result("/trees/late").await;
    assert_eq!(
        (&late["status"], &late["tags"]),
        (&json!("closed"), &json!(["other"]))
    );
    assert_eq!(app.result("/trees/late/logs").await[0]["who"], "demo/old");
    let change = app.result("/stack").await[0].clone();
    assert_eq!(
        (&change["who"], &change["reason"]),
        (&json!("demo/old"), &json!("bug 12"))
    );
    assert_eq!(
        app.sheriff()
            .delete(&format!("/stack2/restore/{}", change["id"]))
            .await
            .status,
        204
    );
    assert_eq!(app.result("/trees/late").await["status"], "open");
    assert_eq!(app.anonymous().get("/trees/brief").await.status, 404);
}

#[actix_web::test]
async fn a_part_without_an_entry_of_the_stack_keeps_nothing_alive() {
    if !has_postgres() {
        return;
    }
    let adopted = adopted(GENERATION_1).await;
    let app = &adopted.app;
    for name in ["autoland", "mozilla-central"] {
        assert_eq!(
            app.admin().delete(&format!("/trees/{name}")).await.status,
            204
        );
    }
    let stack = app.result("/stack").await;
    let ids: Vec<&Value> = stack.as_array().unwrap().iter().map(|c| &c["id"]).collect();
    assert_eq!(ids, [4, 3]);
}
