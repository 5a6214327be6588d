// SPDX-License-Identifier: MPL-2.0
//! A change of many trees costs as many statements as one of a few: each is a journey to PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use releng_testkit::database::{Backend, backends};
use serde_json::{Value, json};

use crate::App;

/// Stands in the names of the trees of this test: others run beside it.
const MARK: &str = "counted-";
static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

fn count(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event
        && query.to_string().contains(MARK)
    {
        STATEMENTS.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns how many statements name the trees in a conditional update, in a restore and in a deletion.
async fn cost(app: &App, trees: usize) -> [usize; 3] {
    let names: Vec<String> = (0..trees).map(|n| format!("{MARK}{n:03}")).collect();
    for name in &names {
        app.tree(name).await;
    }
    let none: Value = names.iter().map(|name| (name.clone(), json!(0))).collect();
    let close = json!({
        "trees": names, "status": "closed", "reason": "r", "tags": ["infra"], "remember": true,
        "if_log_ids": none,
    });
    let before = STATEMENTS.swap(0, Ordering::SeqCst);
    assert!(before >= trees, "they are counted");
    assert_eq!(app.update(close).await.status, 204);
    let update = STATEMENTS.swap(0, Ordering::SeqCst);
    let id = app.result("/stack").await[0]["id"].clone();
    let path = format!("/stack2/restore/{id}");
    assert_eq!(app.sheriff().delete(&path).await.status, 204);
    let restore = STATEMENTS.swap(0, Ordering::SeqCst);
    let body = json!({"trees": names});
    let gone = app.admin().json("DELETE", "/trees2", &body).await;
    assert_eq!(gone.status, 204);
    [update, restore, STATEMENTS.swap(0, Ordering::SeqCst)]
}

#[actix_web::test]
async fn many_trees_cost_as_many_statements_as_a_few() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    // Connections that are made from now on are counted.
    set_default_instrumentation(|| Some(Box::new(count))).unwrap();
    let app = App::start(Backend::Postgres).await;
    let few = cost(&app, 2).await;
    assert_eq!(cost(&app, 40).await, few);
    assert!(
        few.iter().all(|statements| (1..=12).contains(statements)),
        "{few:?}"
    );
}
