// SPDX-License-Identifier: MPL-2.0
use serde_json::json;

use crate::apps;
use crate::sample::records;

#[actix_web::test]
async fn the_total_counts_rows_and_is_never_behind_the_index() {
    for app in apps().await {
        let answer = app.anonymous().get("/api/records").await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"builds": {"total": 0}}))
        );
        app.with_records(&records(4)).await;
        assert_eq!(app.rows().await, 5);
    }
}

#[actix_web::test]
async fn a_record_that_does_not_exist_is_a_json_404() {
    for app in apps().await {
        for id in [
            "1",
            "0",
            "-1",
            "x",
            "99999999999999999999",
            "%ff",
            "1%00",
            "..%2f1",
        ] {
            let answer = app.anonymous().get(&format!("/api/records/{id}")).await;
            assert_eq!(
                (answer.status, answer.json()),
                (404, json!({"error": "no such record"})),
                "{id}"
            );
        }
    }
}
