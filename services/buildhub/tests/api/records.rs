// SPDX-License-Identifier: MPL-2.0
use releng_testkit::poll::eventually;
use serde_json::json;

use crate::sample::{record, records};
use crate::{PATIENCE, apps};

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

/// Written as text: no JSON library for numbers keeps these.
#[actix_web::test]
async fn integers_of_any_length_come_back_as_they_were_published() {
    let long = "7".repeat(400);
    for app in apps().await {
        let lengths = [
            "123456789012345678901234567890",
            "18446744073709551616",
            &long,
        ];
        for (n, digits) in lengths.iter().enumerate() {
            let text = record(0).to_string();
            let size = "\"size\":50000000";
            assert!(text.contains(size));
            let text = text.replace(size, &format!("\"size\":{digits}"));
            app.drop_file(&format!("{n}/buildhub.json"), text.as_bytes());
        }
        // The library of the tests reads none of these answers.
        let total = format!("\"total\":{}", lengths.len());
        eventually(PATIENCE, || async {
            let answer = app.anonymous().get("/api/search").await;
            answer.text().contains(&total).then_some(())
        })
        .await;
        let answer = app.anonymous().get("/api/search").await.text();
        let only = json!({"_source": "download.size"});
        let filtered = app.search(&only).await.text();
        let mut records = String::new();
        for id in 1..=lengths.len() {
            let record = app.anonymous().get(&format!("/api/records/{id}")).await;
            records.push_str(&record.text().replace(' ', ""));
        }
        for digits in lengths {
            let size = format!("\"size\":{digits}");
            for text in [&answer, &filtered, &records] {
                assert!(text.contains(&format!("{size},")) || text.contains(&format!("{size}}}")));
            }
        }
    }
}

#[actix_web::test]
async fn a_record_that_does_not_exist_is_a_json_404() {
    for app in apps().await {
        app.with_records(&records(1)).await;
        let known = app.anonymous().get("/api/records/1").await;
        assert_eq!(known.status, 200);
        for id in [
            "2",
            "01",
            "+1",
            "0",
            "-1",
            "x",
            "99999999999999999999",
            "%ff",
            "1%00",
            "1%20",
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
