// SPDX-License-Identifier: MPL-2.0
use releng_common::Clock;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use serde_json::{Value, json};

use crate::events::{hold, until_one_waits};
use crate::{App, apps};

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

#[actix_web::test]
async fn updates_restores_and_deletions_never_wait_for_each_other_in_a_circle() {
    for app in apps().await {
        let rounds = 40;
        let updates = async {
            for n in 0..rounds {
                for name in ["a", "b"] {
                    let body = json!({"tree": name, "status": "open", "reason": "", "message_of_the_day": ""});
                    let path = format!("/trees/{name}");
                    let made = app.admin().json("PUT", &path, &body).await;
                    assert!([204, 400].contains(&made.status), "{}", made.text());
                }
                let changed = app
                    .update(json!({
                        "trees": ["b", "a"], "status": "closed", "reason": n.to_string(),
                        "tags": ["other"], "remember": true,
                    }))
                    .await;
                assert!([204, 404].contains(&changed.status), "{}", changed.text());
            }
        };
        let take = async |what: &str| {
            for _ in 0..rounds {
                let stack = app.result("/stack").await;
                let Some(id) = stack[0]["id"].as_i64() else {
                    continue;
                };
                let path = format!("/stack2/{what}/{id}");
                let taken = app.sheriff().delete(&path).await;
                assert!([204, 404].contains(&taken.status), "{}", taken.text());
            }
        };
        let delete = async |names: Value| {
            for _ in 0..rounds {
                let body = json!({"trees": names});
                let gone = app.admin().json("DELETE", "/trees2", &body).await;
                assert!([204, 404].contains(&gone.status), "{}", gone.text());
            }
        };
        tokio::join!(
            updates,
            take("restore"),
            take("restore"),
            take("discard"),
            delete(json!(["a", "b"])),
            delete(json!(["b"])),
            delete(json!(["a"])),
        );
        assert_eq!(deadlocks(&app).await, 0);
    }
}

#[actix_web::test]
async fn the_time_of_an_entry_is_that_of_its_turn_and_not_of_its_request() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let start = Clock::system().now();
    let clock = Clock::frozen(start);
    let scopes = ["project:releng:treestatus/*"];
    let builder = TestAppBuilder::new(Backend::Postgres)
        .with_client("demo/admin", &scopes)
        .with_client("demo/sheriff", &scopes)
        .with_clock(clock.clone());
    let app = App(builder.start().await);
    app.tree("a").await;
    let close = json!({
        "trees": ["a"], "status": "closed", "reason": "r", "tags": ["infra"], "remember": true,
    });
    app.update(close).await;
    let change = app.result("/stack").await[0]["id"].clone();
    let restore = format!("/stack2/restore/{change}");
    let open = json!({"trees": ["a"], "status": "open", "reason": "late"});
    for (turn, way) in ["update", "restore"].into_iter().enumerate() {
        let (db, release) = hold(app.0.database.url(), "a").await;
        let late = async {
            if way == "update" {
                app.update(open.clone()).await
            } else {
                app.sheriff().delete(&restore).await
            }
        };
        let others = async {
            until_one_waits(&db).await;
            clock.advance(chrono::TimeDelta::seconds(30));
            drop(release);
        };
        let (late, ()) = tokio::join!(late, others);
        assert_eq!(late.status, 204, "{}", late.text());
        let entry = app.result("/trees/a/logs").await[0].clone();
        let when = entry["when"].as_str().unwrap().to_owned();
        let when: chrono::DateTime<chrono::Utc> = when.parse().unwrap();
        let turns = i64::try_from(turn).unwrap() + 1;
        assert!(
            when - start >= chrono::TimeDelta::milliseconds(30_000 * turns - 1),
            "{way}: {entry}"
        );
    }
}

#[actix_web::test]
async fn a_tree_whose_log_is_ahead_of_the_clock_takes_no_other_with_it() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        app.update(json!({"trees": ["a"], "status": "open", "reason": "r"}))
            .await;
        app.run_sql("UPDATE releng_treestatus_log SET \"when\" = '2999-01-01 00:00:00'")
            .await;
        let close = json!({
            "trees": ["a", "b"], "status": "closed", "reason": "r", "tags": ["infra"], "remember": true,
        });
        assert_eq!(app.update(close).await.status, 204);
        for name in ["a", "b"] {
            let newest = app.result(&format!("/trees/{name}/logs")).await[0].clone();
            assert_eq!(newest["status"], "closed");
            assert_eq!(
                app.result(&format!("/trees/{name}")).await["log_id"],
                newest["id"]
            );
            let is_ahead = newest["when"].as_str().unwrap().starts_with("2999");
            assert_eq!(is_ahead, name == "a", "{newest}");
        }
        let id = app.result("/stack").await[0]["id"].clone();
        app.sheriff().delete(&format!("/stack2/restore/{id}")).await;
        let newest = app.result("/trees/b/logs").await[0].clone();
        assert_eq!(newest["status"], "open");
        assert!(
            !newest["when"].as_str().unwrap().starts_with("2999"),
            "{newest}"
        );
    }
}

/// Returns how often PostgreSQL had to take a transaction back; SQLite has one writer.
async fn deadlocks(app: &crate::App) -> i64 {
    use diesel::prelude::*;

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let url = app.0.database.url();
    let db = releng_db::Db::connect(url, 2, std::time::Duration::from_secs(20)).unwrap();
    if db.backend() == releng_db::Backend::Sqlite {
        return 0;
    }
    let sql = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    db.read(move |conn| Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.n))
        .await
        .unwrap()
}

#[actix_web::test]
async fn updates_that_share_a_transaction_are_judged_one_after_the_other() {
    for app in apps().await {
        app.tree("a").await;
        // Writes no log entry: those who wait for it all begin with a condition that holds.
        let first = app.update(json!({"trees": ["a"], "message_of_the_day": "m"}));
        let conditional = (0..8).map(|n| {
            app.update(json!({
                "trees": ["a"], "status": "open", "reason": n.to_string(), "if_log_ids": {"a": 0},
            }))
        });
        let incomplete = app.update(json!({"trees": ["a"], "status": "closed", "reason": "?"}));
        let answers = futures_util::future::join_all(conditional);
        let (first, answers, incomplete) = futures_util::join!(first, answers, incomplete);
        assert_eq!(first.status, 204);
        assert_eq!(incomplete.status, 400);
        let tree = app.result("/trees/a").await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 204);
        assert_eq!((won.len(), lost.len()), (1, 7));
        assert_eq!(tree["message_of_the_day"], "m");
        for answer in lost {
            assert_eq!(answer.status, 412);
            assert_eq!(answer.json()["trees"]["a"]["log_id"], tree["log_id"]);
        }
        let log = app.result("/trees/a/logs_all").await;
        assert_eq!(log.as_array().unwrap().len(), 1);
    }
}
