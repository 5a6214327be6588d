// SPDX-License-Identifier: MPL-2.0
//! For how long a tree was closed.

use chrono::{Duration, TimeZone as _, Utc};
use releng_common::Clock;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use serde_json::{Value, json};

use crate::App;

/// An app at noon of a Monday, with a tree.
async fn start(backend: Backend) -> (App, Clock) {
    let clock = Clock::frozen(Utc.with_ymd_and_hms(2026, 11, 2, 12, 0, 0).unwrap());
    let builder = TestAppBuilder::new(backend)
        .with_client("demo/admin", &["project:releng:services/treestatus/*"])
        .with_client("demo/sheriff", &["project:releng:treestatus/trees/update"])
        .with_clock(clock.clone());
    let app = App(builder.start().await);
    app.tree("try").await;
    (app, clock)
}

async fn set(app: &App, clock: &Clock, status: Option<&str>, tags: &[&str], hours: i64) {
    let mut body = json!({"trees": ["try"], "reason": "demo", "tags": tags});
    if let Some(status) = status {
        body["status"] = json!(status);
    }
    assert_eq!(app.update(body).await.status, 204);
    clock.advance(Duration::hours(hours));
}

#[actix_web::test]
async fn closed_time_is_told_by_day_and_category() {
    for backend in backends() {
        let (app, clock) = start(backend).await;
        set(&app, &clock, Some("closed"), &["infra"], 6).await;
        set(&app, &clock, None, &["backlog"], 12).await;
        set(&app, &clock, Some("open"), &[], 6).await;
        // Now it is noon of the third.
        let days = app.result("/trees/try/closures?since=2026-11-02").await;
        let expected = json!([
            {"since": "2026-11-02T00:00:00+00:00", "until": "2026-11-03T00:00:00+00:00",
             "known_seconds": 43200, "closed_seconds": 43200, "closed_share": 1.0,
             "categories": {"infra": 21600, "backlog": 21600}},
            {"since": "2026-11-03T00:00:00+00:00", "until": "2026-11-03T12:00:00+00:00",
             "known_seconds": 43200, "closed_seconds": 21600, "closed_share": 0.5,
             "categories": {"backlog": 21600}},
        ]);
        assert_eq!(days, expected);
        // What was in force before the time that is asked about counts in it.
        let later = app.result("/trees/try/closures?since=2026-11-03").await;
        assert_eq!(later[0], expected[1]);
        let weeks = app.result("/trees/try/closures?per=week").await;
        assert_eq!(weeks.as_array().map(Vec::len), Some(12));
        assert_eq!(weeks[11]["closed_seconds"], 64800);
        assert_eq!(weeks[0]["known_seconds"], 0);
        let csv = app
            .anonymous()
            .get("/trees/try/closures.csv?since=2026-11-03")
            .await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(
            csv.text(),
            "since,until,known_seconds,closed_seconds,closed_share,backlog\r\n\
             2026-11-03T00:00:00+00:00,2026-11-03T12:00:00+00:00,43200,21600,0.500,21600\r\n"
        );
        let page = app
            .anonymous()
            .get("/static/ui/treestatus/statistics/try")
            .await;
        let html = page.text();
        assert!(html.contains("Closed for 75.0 % of the time."), "{html}");
        assert!(html.contains("2026-11-03: Job backlog 50.0 %"), "{html}");
        assert!(html.contains("closures.csv?") && !html.contains("style="));
    }
}

#[actix_web::test]
async fn more_entries_than_are_read_at_once_are_added_up() {
    let (app, clock) = start(Backend::Sqlite).await;
    // Pairs of half an hour closed and half an hour open.
    for _ in 0..510 {
        for (status, tags) in [("closed", vec!["infra"]), ("open", vec![])] {
            let body = json!({"trees": ["try"], "status": status, "reason": "r", "tags": tags});
            assert_eq!(app.update(body).await.status, 204);
            clock.advance(Duration::minutes(30));
        }
    }
    let days = app.result("/trees/try/closures?since=2026-11-02").await;
    let sum = |name: &str| {
        let days = days.as_array().unwrap().iter();
        days.map(|day| day[name].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(sum("closed_seconds"), 510 * 1800);
    assert_eq!(sum("known_seconds"), 510 * 3600);
}

#[actix_web::test]
async fn times_that_make_no_sense_are_refused_by_name() {
    let (app, _) = start(Backend::Sqlite).await;
    for (query, part) in [
        ("per=month", "\"per\""),
        ("since=yesterday", "\"since\""),
        ("until=2026-99-01", "\"until\""),
        ("since=2026-11-03&until=2026-11-02", "\"since\""),
        ("since=2000-01-01", "at most 400 days"),
        (
            "since=0001-01-01&until=9999-12-31&per=week",
            "at most 400 weeks",
        ),
    ] {
        for path in [
            "/trees/try/closures",
            "/trees/try/closures.csv",
            "/static/ui/treestatus/statistics/try",
        ] {
            let answer = app.anonymous().get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query}");
            let problem: Value = answer.json();
            assert!(
                problem["detail"].as_str().unwrap().contains(part),
                "{problem}"
            );
        }
    }
    assert_eq!(
        app.anonymous().get("/trees/none/closures").await.status,
        404
    );
}
