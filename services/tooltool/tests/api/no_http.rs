// SPDX-License-Identifier: MPL-2.0
//! What is refused before there is a request: the HTTP library answers it in its own, bare form.

use releng_testkit::database::Backend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::App;

/// Sends bytes on a connection of their own and returns all that comes back.
async fn raw(app: &App, bytes: &[u8]) -> String {
    let address = app.app.address().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset when not all of the rubbish was read: what came before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[actix_web::test]
async fn what_is_no_http_is_400_without_a_body_and_the_service_goes_on() {
    let app = App::start(Backend::Sqlite).await;
    for rubbish in [
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "G\0T / HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost x\r\n\r\n",
        "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
    ] {
        let answer = raw(&app, rubbish.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{rubbish:?}: {answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("\r\ncontent-length: 0"),
            "{rubbish:?}: {answer}"
        );
        assert_eq!(body, "", "{rubbish:?}");
    }
    assert_eq!(app.anonymous().get("/__lbheartbeat__").await.status, 200);
}

#[actix_web::test]
async fn a_long_head_is_taken_and_one_beyond_all_bounds_is_431() {
    let app = App::start(Backend::Sqlite).await;
    let request = |length: usize| {
        let filler = "x".repeat(length);
        format!("GET /init HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-filler: {filler}\r\n\r\n")
    };
    let answer = raw(&app, request(64 << 10).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = raw(&app, request(132 << 10).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
