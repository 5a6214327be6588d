// SPDX-License-Identifier: MPL-2.0
//! Symbolication over HTTP; its rules are the business of the `symbols` crate's own tests.

use chrono::{Duration, TimeZone as _, Utc};
use releng_common::Clock;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{App, SYMBOLS, SYMBOLS_PATH, apps, zip};

const MODULE: &str = "libthread_db.so.1/35CBDBAB3BB68DA78B6E8EF1939FA3CB0";

fn body() -> Value {
    json!({
        "memoryMap": [["libthread_db.so.1", "35CBDBAB3BB68DA78B6E8EF1939FA3CB0"], ["none.pdb", "AB"]],
        "stacks": [[[0, 0x2412], [0, 0x2335], [-1, 7], [0, 1]]],
    })
}

async fn with_symbols(app: &App) {
    let token = app.uploader().await;
    let answer = app.upload(&token, zip(&[(SYMBOLS_PATH, SYMBOLS)])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[actix_web::test]
async fn functions_lines_and_inlines_of_an_uploaded_file() {
    let file = "nptl_db/nptl_db/td_ta_new.c";
    let name = "libthread_db.so.1";
    for app in apps().await {
        with_symbols(&app).await;
        let answer = app
            .anonymous()
            .json("POST", "/symbolicate/v5", &body())
            .await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(
            answer.json(),
            json!({"results": [{
                "stacks": [[
                    {
                        "frame": 0, "module": name, "module_offset": "0x2412",
                        "function": "td_ta_new", "function_offset": "0xe2", "function_size": "0x117",
                        "file": file, "line": 60,
                        "inlines": [{"function": "list_add", "file": "include/list.h", "line": 43}],
                    },
                    {
                        "frame": 1, "module": name, "module_offset": "0x2335",
                        "function": "td_ta_new", "function_offset": "0x5", "function_size": "0x117",
                        "file": file, "line": 34,
                    },
                    {"frame": 2, "module": "<unknown>", "module_offset": "0x7"},
                    {"frame": 3, "module": name, "module_offset": "0x1"},
                ]],
                "found_modules": {MODULE: true, "none.pdb/AB": null},
            }]})
        );
    }
}

#[actix_web::test]
async fn version_4_is_answered_at_both_its_addresses() {
    let app = App::start(Backend::Sqlite).await;
    with_symbols(&app).await;
    let mut body = body();
    body["version"] = json!(4);
    for path in ["/symbolicate/v4", "/"] {
        let answer = app.anonymous().json("POST", path, &body).await;
        assert_eq!(
            answer.json(),
            json!({
                "symbolicatedStacks": [[
                    "td_ta_new (in libthread_db.so.1)", "td_ta_new (in libthread_db.so.1)",
                    "0x7 (in <unknown>)", "0x1 (in libthread_db.so.1)",
                ]],
                "knownModules": [true, null],
            }),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
    }
}

#[actix_web::test]
async fn the_second_request_downloads_nothing() {
    let app = App::start(Backend::Sqlite).await;
    with_symbols(&app).await;
    let ask = || async {
        let client = app.anonymous();
        let request = client
            .request(Method::POST, "/symbolicate/v5")
            .header("debug", "YES")
            .body(body().to_string());
        client.send(request).await.json()["debug"].clone()
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first["downloads"]["count"], json!(1));
    assert_eq!(first["downloads"]["size"], json!(SYMBOLS.len()));
    assert_eq!(second["downloads"]["count"], json!(0));
    assert_eq!(second["downloads"]["size"], json!(0));
    assert_eq!(second["cache_lookups"]["count"], json!(1));
    assert_eq!(second["stacks"], json!({"count": 4, "real": 3}));
}

#[actix_web::test]
async fn an_upload_is_seen_at_once_a_file_put_by_others_after_a_minute() {
    let clock = Clock::frozen(Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .with_clock(clock.clone())
        .start()
        .await);
    let found = || async {
        let answer = app
            .anonymous()
            .json("POST", "/symbolicate/v5", &body())
            .await;
        answer.json()["results"][0]["found_modules"][MODULE].clone()
    };
    assert_eq!(found().await, json!(false));
    let folder = format!("file://{}", app.0.data.path().join("symbols").display());
    let location = releng_store::Location::parse(&folder).unwrap();
    let options = releng_store::Options::new("other", clock.clone());
    let store = releng_store::open(&location, &options).await.unwrap().store;
    let key = releng_store::Key::parse(format!("v1/{SYMBOLS_PATH}")).unwrap();
    let attributes = releng_store::Attributes::default();
    store
        .put(&key, SYMBOLS.to_vec().into(), &attributes)
        .await
        .unwrap();
    assert_eq!(found().await, json!(false));
    clock.advance(Duration::seconds(60));
    assert_eq!(found().await, json!(true));
    store.delete(&key).await.unwrap();
    clock.advance(Duration::seconds(60));
    assert_eq!(found().await, json!(true));
    with_symbols(&app).await;
    assert_eq!(found().await, json!(true));
}

#[actix_web::test]
async fn a_file_that_is_no_symbol_file_is_not_found() {
    for app in apps().await {
        let token = app.uploader().await;
        for content in [b"".as_slice(), b"nothing of a symbol file\n"] {
            app.upload(&token, zip(&[(SYMBOLS_PATH, content)])).await;
            let answer = app
                .anonymous()
                .json("POST", "/symbolicate/v5", &body())
                .await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                answer.json()["results"][0]["found_modules"][MODULE],
                json!(false)
            );
        }
    }
}

#[actix_web::test]
async fn rubbish_is_a_400_in_the_known_words_that_browsers_may_read() {
    let app = App::start(Backend::Sqlite).await;
    let table: [(&str, &[u8], &str); 7] = [
        ("v5", b"", "Invalid JSON passed in"),
        ("v5", b"\xff\xfe", "Invalid JSON passed in"),
        ("v5", b"{\"xul.pdb\", \"44E4\"}", "Invalid JSON passed in"),
        ("v5", b"[]", "Not a dict"),
        ("v5", b"{}", "Missing key in JSON ('jobs')"),
        ("v5", b"{\"jobs\": []}", "Jobs list empty"),
        (
            "v4",
            b"{\"stacks\": [], \"memoryMap\": []}",
            "Expect version==4",
        ),
    ];
    for (version, body, text) in table {
        let client = app.anonymous();
        let path = format!("/symbolicate/{version}");
        let answer = client
            .send(client.request(Method::POST, &path).body(body.to_vec()))
            .await;
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"error": text})),
            "{body:?}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[actix_web::test]
async fn errors_at_the_oldest_address_are_json_that_browsers_may_read() {
    let app = App::start(Backend::Sqlite).await;
    for accept in ["*/*", "text/html"] {
        let client = app.anonymous();
        let request = client
            .request(Method::POST, "/")
            .header("accept", accept)
            .body("[]");
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"error": "Not a dict"}))
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
    }
}

#[actix_web::test]
async fn other_methods_and_preflights() {
    let app = App::start(Backend::Sqlite).await;
    for (path, methods) in [
        ("/symbolicate/v4", "POST"),
        ("/symbolicate/v5", "OPTIONS,POST"),
    ] {
        for method in [Method::GET, Method::PUT] {
            let client = app.anonymous();
            let answer = client.send(client.request(method, path)).await;
            let text = json!({"error": "Must use HTTP POST"});
            assert_eq!((answer.status, answer.json()), (405, text));
            assert_eq!(answer.header("access-control-allow-origin"), "*");
        }
        let client = app.anonymous();
        let answer = client.send(client.request(Method::OPTIONS, path)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(answer.header("access-control-allow-methods"), methods);
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "accept, accept-encoding, authorization, content-type, dnt, origin, user-agent, \
             x-csrftoken, x-requested-with"
        );
    }
}

#[actix_web::test]
async fn limits_are_413_and_400() {
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOLICATE_MAX_BODY_SIZE", "1KiB")
        .set("SYMBOLICATE_MAX_JOBS", "2")
        .start()
        .await);
    let client = app.anonymous();
    let large = client
        .request(Method::POST, "/symbolicate/v5")
        .body(vec![b' '; 1025]);
    let answer = client.send(large).await;
    let text = json!({"error": "the body is larger than 1024 bytes"});
    assert_eq!((answer.status, answer.json()), (413, text));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let job = json!({"memoryMap": [], "stacks": []});
    let many = json!({"jobs": [job, job, job]});
    let answer = app.anonymous().json("POST", "/symbolicate/v5", &many).await;
    let text = json!({"error": "too many jobs: the limit of one request is 2"});
    assert_eq!((answer.status, answer.json()), (400, text));
}
