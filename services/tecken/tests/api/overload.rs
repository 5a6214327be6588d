// SPDX-License-Identifier: MPL-2.0
//! Symbolication under clients that send slowly, read slowly, or want very much.

use std::time::Duration;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::App;
use crate::support::{ID, ask, many_symbols, names, put, request, store_at, symbols};

const PATIENCE: Duration = Duration::from_secs(60);

async fn start(settings: &[(&str, &str)]) -> App {
    let mut builder = TestAppBuilder::new(Backend::Sqlite);
    for (name, value) in settings {
        builder = builder.set(name, *value);
    }
    App(builder.start().await)
}

async fn put_symbols(app: &App, module: &str, content: &[u8]) {
    let folder = app.0.data.path().join("symbols");
    let store = store_at(&format!("file://{}", folder.display())).await;
    put(&store, module, content).await;
}

/// Sends the beginning of a request and no more.
async fn begin(app: &App, head: &str, body: &[u8]) -> TcpStream {
    let address = app.0.address().trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let head = format!("POST /symbolicate/v5 HTTP/1.1\r\nhost: {address}\r\n{head}\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    connection
}

#[actix_web::test]
async fn bodies_that_do_not_end_keep_nobody_out() {
    let settings = [
        ("SYMBOLICATE_MAX_RUNNING", "2"),
        ("SYMBOLICATE_IDLE_SECONDS", "1"),
    ];
    let app = start(&settings).await;
    put_symbols(&app, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(begin(&app, "content-length: 1000", b"{").await);
        open.push(begin(&app, "transfer-encoding: chunked", b"1\r\n{\r\n").await);
    }
    let found = names(&app.anonymous(), &["demo.pdb"], 0x1004).await;
    assert_eq!(found, ["demo_one"]);
    // A body without a length is as good as another.
    let body = request(&["demo.pdb"], &[0x1004]).to_string();
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut whole = begin(
        &app,
        "transfer-encoding: chunked\r\nconnection: close",
        chunk.as_bytes(),
    )
    .await;
    let mut answer = String::new();
    whole.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Those that pause too long are told so.
    for mut connection in open {
        let mut answer = vec![0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 408");
    }
}

#[actix_web::test]
async fn an_answer_takes_memory_until_it_is_sent() {
    let app = start(&[("SYMBOLICATE_MAX_MEMORY", "60MiB")]).await;
    // A name so long that few frames make an answer that no buffer of the system holds.
    let name = "n".repeat(200_000);
    put_symbols(&app, "demo.pdb", &symbols("demo.pdb", &name)).await;
    let addresses: Vec<u64> = vec![0x1004; 150];
    let body = request(&["demo.pdb"], &addresses);
    let text = body.to_string();
    let head = format!("content-length: {}\r\nconnection: close", text.len());
    let mut slow = begin(&app, &head, text.as_bytes()).await;
    let mut first = vec![0; 12];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(first, b"HTTP/1.1 200");
    let refused = ask(&app.anonymous(), &body).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    let small = names(&app.anonymous(), &["demo.pdb"], 0x1004).await;
    assert_eq!(small, [name.as_str()]);
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() > 150 * name.len());
    let is_answered = || async {
        let answer = ask(&app.anonymous(), &body).await;
        (answer.status == 200).then_some(())
    };
    eventually(PATIENCE, is_answered).await;
}

#[actix_web::test]
async fn symbols_take_memory_while_an_answer_is_made() {
    let app = start(&[("SYMBOLICATE_MAX_MEMORY", "4MiB")]).await;
    put_symbols(&app, "demo.pdb", &many_symbols("demo.pdb", "demo", 60_000)).await;
    let token = app.uploader().await;
    let path = format!("demo.pdb/{ID}/demo.sym");
    let content = many_symbols("demo.pdb", "other", 60_000);
    let answer = app.upload(&token, crate::zip(&[(&path, &content)])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let all_over: Vec<u64> = (1..=60_000).step_by(100).map(|n| n * 16).collect();
    for version in ["v5", "v4"] {
        let mut body = request(&["demo.pdb"], &all_over);
        body["version"] = json!(4);
        let path = format!("/symbolicate/{version}");
        let refused = app.anonymous().json("POST", &path, &body).await;
        let text = "the request takes more than 3145728 bytes of memory: send fewer frames in one \
            request";
        assert_eq!(
            (refused.status, refused.json()),
            (413, json!({"error": text}))
        );
    }
    let found = names(&app.anonymous(), &["demo.pdb"], 16).await;
    assert!(found[0].starts_with("other_1_"), "{found:?}");
}
