// SPDX-License-Identifier: MPL-2.0
//! Symbolication when stores cannot be reached at all: it says so, and never that there are no
//! symbols (symbolication.md §3.4).

use std::net::TcpListener;

use futures_util::future::join_all;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::temp;
use serde_json::json;

use crate::App;
use crate::support::{ID, ask, names, put, request, store_at, symbols};

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An address where somebody hangs up at once, so that no handshake comes about.
fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    address
}

fn bucket(endpoint: &str, more: &str) -> String {
    format!("s3://key:secret@demo?region=us-east-1&endpoint={endpoint}{more}")
}

async fn start(locations: &str, ours: &str) -> App {
    App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOL_URLS", locations)
        .set("UPLOAD_DEFAULT_URL", ours)
        .start()
        .await)
}

#[actix_web::test]
async fn a_store_that_nobody_reaches_is_a_503() {
    let folder = temp::dir();
    let ours = format!("file://{}/ours", folder.path().display());
    let store = store_at(&ours).await;
    put(&store, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
    let broken = [
        bucket(&format!("http://{}", nobody()), ""),
        bucket(&format!("http://{}", nobody()), "&access=public"),
        bucket(&format!("https://{}", hangs_up()), ""),
    ];
    // Together, as each takes its time to give up.
    join_all(broken.iter().map(|broken| check(&ours, broken))).await;
}

async fn check(ours: &str, broken: &str) {
    let app = start(&format!("{ours},{broken}"), ours).await;
    // The first location that has the file is enough.
    let found = names(&app.anonymous(), &["demo.pdb"], 0x1004).await;
    assert_eq!(found, ["demo_one"], "{broken}");
    let mut body = request(&["demo.pdb", "other.pdb"], &[0x1004]);
    body["version"] = json!(4);
    for path in ["/symbolicate/v5", "/symbolicate/v4"] {
        let answer = app.anonymous().json("POST", path, &body).await;
        assert_eq!(answer.status, 503, "{broken} {path}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("retry-after"), "5");
        let text = json!({"error": "a store of symbols does not answer"});
        assert_eq!(answer.json(), text);
    }
}

#[actix_web::test]
async fn another_list_of_locations_is_looked_at_anew() {
    let folder = temp::dir();
    let at = |name: &str| format!("file://{}/{name}", folder.path().display());
    for (name, function) in [("a", "in_a"), ("b", "in_b")] {
        let store = store_at(&at(name)).await;
        put(&store, "demo.pdb", &symbols("demo.pdb", function)).await;
    }
    for (list, expected) in [("a", "in_a"), ("b", "in_b"), ("c", "-"), ("a", "in_a")] {
        // What it keeps on the disk stays, as the folder of its data does.
        let settings = [
            ("SYMBOL_URLS", format!("{},{}", at(list), at("ours"))),
            ("UPLOAD_DEFAULT_URL", at("ours")),
            ("DATA_DIR", folder.path().join("data").display().to_string()),
        ];
        let mut builder = TestAppBuilder::new(Backend::Sqlite);
        for (name, value) in settings {
            builder = builder.set(name, value);
        }
        let app = App(builder.start().await);
        let found = names(&app.anonymous(), &["demo.pdb"], 0x1004).await;
        assert_eq!(found, [expected], "{list}");
    }
}

/// A file that cannot be used is as if there were none: for a minute nobody reads it again.
#[actix_web::test]
async fn a_file_that_cannot_be_used_is_remembered_as_missing() {
    let clock = releng_common::Clock::frozen("2026-03-02T12:00:00Z".parse().unwrap());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .with_clock(clock.clone())
        .start()
        .await);
    let folder = app.0.data.path().join("symbols");
    let store = store_at(&format!("file://{}", folder.display())).await;
    for (module, content) in [("empty.pdb", ""), ("text.pdb", "no symbols in here\n")] {
        put(&store, module, content.as_bytes()).await;
        let body = request(&[module], &[0x1004]);
        for expected in [1, 0, 1, 0] {
            let answer = ask(&app.anonymous(), &body).await.json();
            let label = format!("{module}/{ID}");
            assert_eq!(answer["results"][0]["found_modules"][&label], json!(false));
            let told = &answer["debug"]["module_errors"][&label][0]["name"];
            assert_eq!(told, "Corrupt");
            assert_eq!(answer["debug"]["downloads"]["count"], json!(expected));
            if expected == 0 {
                clock.advance(chrono::Duration::seconds(60));
            }
        }
    }
}
