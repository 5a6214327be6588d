// SPDX-License-Identifier: MPL-2.0
//! A database of the Python service, whose columns allow what ours do not.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use releng_db::Db;
use releng_testkit::database::{Backend, backends};
use serde_json::json;

use crate::App;

#[actix_web::test]
async fn a_part_without_an_entry_of_the_stack_hides_nothing_and_keeps_nothing_alive() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let app = App::start(Backend::Postgres).await;
    app.tree("a").await;
    let url = app.0.database.url();
    let db = Db::connect(url, 2, Duration::from_secs(20)).unwrap();
    db.write(|conn| {
        Ok(conn.batch_execute(
            "ALTER TABLE releng_treestatus_change_trees ALTER stack_id DROP NOT NULL; \
             ALTER TABLE releng_treestatus_change_trees ALTER last_state DROP NOT NULL; \
             INSERT INTO releng_treestatus_change_trees (tree) VALUES ('gone')",
        )?)
    })
    .await
    .unwrap();
    app.update(json!({
        "trees": ["a"], "status": "closed", "reason": "r", "tags": ["infra"], "remember": true,
    }))
    .await;
    assert_eq!(app.result("/stack").await.as_array().unwrap().len(), 1);
    assert_eq!(app.admin().delete("/trees/a").await.status, 204);
    assert_eq!(app.result("/stack").await, json!([]));
}
