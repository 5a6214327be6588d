// SPDX-License-Identifier: MPL-2.0
//! Requests that are refused before their body was read. Clients such as curl and Python's send all of
//! it before they look at the answer; others wait for the answer with their body half sent.

use std::time::Duration;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::App;

/// Longest wait for something that takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE: usize = 64 << 10;
/// 48 MB.
const PIECES: usize = 768;

/// One connection, written to and read from by hand.
struct Connection(TcpStream);

impl Connection {
    async fn open(app: &App) -> Self {
        let address = app.0.address().trim_start_matches("http://");
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends the head of a request with a chunked body.
    async fn begin(&mut self, path: &str, headers: &str) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
        );
        self.0.write_all(head.as_bytes()).await.unwrap();
    }

    async fn chunk(&mut self, bytes: &[u8]) {
        let size = format!("{:x}\r\n", bytes.len());
        let chunk = [size.as_bytes(), bytes, b"\r\n"].concat();
        self.0.write_all(&chunk).await.unwrap();
    }

    async fn end(&mut self) {
        self.0.write_all(b"0\r\n\r\n").await.unwrap();
    }

    /// Returns status, head and body of an answer.
    async fn answer(&mut self) -> (u16, String, String) {
        let mut bytes = Vec::new();
        let head = loop {
            let at = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(at) = at {
                break at + 4;
            }
            assert!(self.0.read_buf(&mut bytes).await.unwrap() > 0, "no answer");
        };
        let text = String::from_utf8(bytes[..head].to_vec())
            .unwrap()
            .to_lowercase();
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        while bytes.len() < head + length {
            assert!(
                self.0.read_buf(&mut bytes).await.unwrap() > 0,
                "half an answer"
            );
        }
        let status = text[9..12].parse().unwrap();
        let body = String::from_utf8(bytes[head..].to_vec()).unwrap();
        (status, text, body)
    }
}

/// Sends 48 MB, then reads the answer.
async fn send_first(app: &App, path: &str, headers: &str) -> (u16, String) {
    let exchange = async {
        let mut connection = Connection::open(app).await;
        connection.begin(path, headers).await;
        let piece = vec![b'x'; PIECE];
        for _ in 0..PIECES {
            connection.chunk(&piece).await;
        }
        connection.end().await;
        let (status, _, body) = connection.answer().await;
        (status, body)
    };
    let within = tokio::time::timeout(PATIENCE, exchange).await;
    within.unwrap_or_else(|_| panic!("{path}: the exchange stands still"))
}

#[actix_web::test]
async fn a_client_that_sends_all_before_it_looks_gets_the_answer() {
    let app = App::start(Backend::Sqlite).await;
    let token = app.uploader().await;
    let good = format!("Auth-Token: {token}\r\nContent-Type: text/plain\r\n");
    let not_matched = r#"{"error":"API Token not matched"}"#;
    let table = [
        ("/upload/", "", 403, "requires an Auth-Token"),
        ("/upload/", "Auth-Token: x\r\n", 403, not_matched),
        (
            "/upload/",
            good.as_str(),
            400,
            "Must be multipart form data",
        ),
        ("/symbolicate/v5", "Auth-Token: x\r\n", 403, not_matched),
        ("/symbolicate/v5", "", 413, "larger than"),
        ("/symbolication", "Auth-Token: x\r\n", 403, not_matched),
        ("/api/_auth/", "", 405, "Method Not Allowed"),
        ("/nope", "", 404, "Not Found"),
    ];
    for (path, headers, status, text) in table {
        let answer = send_first(&app, path, headers).await;
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
        assert!(answer.1.contains(text), "{path}: {}", answer.1);
    }
}

/// Returns whether an archive is on its way.
fn has_archive(app: &App) -> bool {
    let folders = std::fs::read_dir(app.0.data.path().join("raw-uploads")).unwrap();
    let mut folders = folders.map(|entry| entry.unwrap().path());
    folders.any(|folder| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

#[actix_web::test]
async fn an_upload_beyond_those_that_may_run_gets_its_503() {
    let app = TestAppBuilder::new(Backend::Sqlite)
        .set("UPLOAD_MAX_RUNNING", "1")
        .set("UPLOAD_IDLE_SECONDS", "600")
        .start()
        .await;
    let app = App(app);
    let token = app.uploader().await;
    let headers =
        format!("Auth-Token: {token}\r\nContent-Type: multipart/form-data; boundary=b\r\n");
    let mut running = Connection::open(&app).await;
    running.begin("/upload/", &headers).await;
    let part =
        "--b\r\nContent-Disposition: form-data; name=\"a.zip\"; filename=\"a.zip\"\r\n\r\nPK";
    running.chunk(part.as_bytes()).await;
    // It is under way when its archive has a file to go to.
    eventually(PATIENCE, || async { has_archive(&app).then_some(()) }).await;
    let busy = r#"{"error":"too many uploads are running, try again"}"#;
    let answer = send_first(&app, "/upload/", &headers).await;
    assert_eq!(answer, (503, busy.to_owned()));
}

#[actix_web::test]
async fn a_client_that_waits_with_its_body_half_sent_is_answered_at_once() {
    let app = TestAppBuilder::new(Backend::Sqlite)
        .set("UPLOAD_IDLE_SECONDS", "600")
        .start()
        .await;
    let app = App(app);
    let exchange = async {
        let mut connection = Connection::open(&app).await;
        connection.begin("/upload/", "").await;
        connection.chunk(b"--b\r\n").await;
        let (status, head, _) = connection.answer().await;
        assert_eq!(status, 403);
        assert!(head.contains("connection: close"), "{head}");
    };
    let within = tokio::time::timeout(PATIENCE, exchange).await;
    assert!(within.is_ok(), "no answer before the body has ended");
}

#[actix_web::test]
async fn a_connection_whose_bodies_were_read_goes_on() {
    let app = App::start(Backend::Sqlite).await;
    let mut connection = Connection::open(&app).await;
    for _ in 0..3 {
        connection.begin("/symbolicate/v5", "").await;
        connection
            .chunk(br#"{"memoryMap": [], "stacks": []}"#)
            .await;
        connection.end().await;
        let (status, head, _) = connection.answer().await;
        assert_eq!(status, 200);
        assert!(!head.contains("connection: close"), "{head}");
    }
}
