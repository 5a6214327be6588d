// SPDX-License-Identifier: MPL-2.0
//! The whole way of a symbol file: asked for, uploaded, downloaded, symbolicated; embedded, and on
//! PostgreSQL, S3 and Redis by settings alone.

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use serde_json::{Value, json};

use crate::{App, SYMBOLS, SYMBOLS_PATH, gunzip, zip};

#[actix_web::test]
async fn on_embedded_backends() {
    main_job(&App::start(Backend::Sqlite).await).await;
}

#[actix_web::test]
async fn on_postgres_s3_and_redis() {
    let (Some(_), Some(redis)) = (requires("postgres"), requires("redis")) else {
        return;
    };
    let Some(bucket) = S3Bucket::create().await else {
        return;
    };
    let app = TestAppBuilder::new(Backend::Postgres)
        .set("DJANGO_SYMBOL_URLS", bucket.url())
        .set("DJANGO_UPLOAD_DEFAULT_URL", bucket.url())
        .set("DJANGO_REDIS_URL", redis.as_str())
        .start()
        .await;
    main_job(&App(app)).await;
}

#[actix_web::test]
async fn another_process_sees_an_upload_soon() {
    let Some(redis) = requires("redis") else {
        return;
    };
    let Some(bucket) = S3Bucket::create().await else {
        return;
    };
    let start = || async {
        let app = TestAppBuilder::new(Backend::Sqlite)
            .set("SYMBOL_URLS", bucket.url())
            .set("UPLOAD_DEFAULT_URL", bucket.url())
            .set("REDIS_URL", redis.as_str())
            .start()
            .await;
        App(app)
    };
    let (uploading, reading) = (start().await, start().await);
    let path = format!("/{SYMBOLS_PATH}");
    assert_eq!(reading.anonymous().get(&path).await.status, 404);
    assert_eq!(
        symbolicate(&reading).await["results"][0]["found_modules"][MODULE],
        json!(false)
    );
    let token = uploading.uploader().await;
    let answer = uploading
        .upload(&token, zip(&[(SYMBOLS_PATH, SYMBOLS)]))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(reading.anonymous().get(&path).await.status, 302);
    let found = eventually(std::time::Duration::from_secs(20), || async {
        let answer = symbolicate(&reading).await;
        (answer["results"][0]["found_modules"][MODULE] == json!(true)).then_some(answer)
    });
    assert_symbols(&found.await);
}

async fn main_job(app: &App) {
    let path = format!("/{SYMBOLS_PATH}");
    let missing = app.anonymous().get(&path).await;
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (404, "Symbol Not Found")
    );
    assert_eq!(
        symbolicate(app).await["results"][0]["found_modules"][MODULE],
        json!(false)
    );

    let token = app.uploader().await;
    let lower = SYMBOLS_PATH.replace(
        "35CBDBAB3BB68DA78B6E8EF1939FA3CB0",
        "35cbdbab3bb68da78b6e8ef1939fa3cb0",
    );
    let archive = zip(&[
        (&lower, SYMBOLS),
        ("demo-symbols.txt", b"libthread_db.so.1.sym"),
    ]);
    let answer = app.upload(&token, archive.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let upload = answer.json()["upload"].clone();
    assert_eq!(upload["user"], json!("demo-uploader@example.com"));
    assert_eq!(upload["filename"], json!("symbols.zip"));
    assert_eq!(upload["size"], json!(archive.len()));
    assert_eq!(upload["try_symbols"], json!(false));
    assert_eq!(upload["skipped_keys"], json!([]));
    assert!(upload["completed_at"].is_string());

    let file = app.fetch(&path).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-encoding"), "gzip");
    assert_eq!(file.header("content-type"), "text/plain");
    assert_eq!(gunzip(&file.body), SYMBOLS);
    let head = app.anonymous().head(&path).await;
    assert_eq!((head.status, head.body.len()), (200, 0));

    assert_symbols(&symbolicate(app).await);

    let again = app.upload(&token, archive).await.json();
    assert_eq!(
        again["upload"]["skipped_keys"],
        json!([format!("v1/{SYMBOLS_PATH}")])
    );
    let id = again["upload"]["id"].as_i64().unwrap();
    let shown = app
        .get_as(&token, &format!("/api/uploads/upload/{id}"))
        .await
        .json();
    assert_eq!(shown["upload"]["file_uploads"], json!([]));
    assert_eq!(shown["upload"]["ignored_keys"], json!(["demo-symbols.txt"]));
}

const MODULE: &str = "libthread_db.so.1/35CBDBAB3BB68DA78B6E8EF1939FA3CB0";

async fn symbolicate(app: &App) -> Value {
    let body = json!({
        "memoryMap": [["libthread_db.so.1", "35CBDBAB3BB68DA78B6E8EF1939FA3CB0"]],
        "stacks": [[[0, 0x2412], [0, 0x2335]]],
    });
    let answer = app.anonymous().json("POST", "/symbolicate/v5", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn assert_symbols(answer: &Value) {
    let job = &answer["results"][0];
    assert_eq!(job["found_modules"], json!({MODULE: true}));
    let frames = job["stacks"][0].as_array().unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0]["function"], json!("td_ta_new"));
    assert_eq!(frames[0]["line"], json!(60));
    assert_eq!(
        frames[0]["inlines"],
        json!([{"function": "list_add", "file": "include/list.h", "line": 43}])
    );
    assert_eq!(
        (&frames[1]["function_offset"], &frames[1]["line"]),
        (&json!("0x5"), &json!(34))
    );
}
