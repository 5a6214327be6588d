// SPDX-License-Identifier: MPL-2.0
//! What clients that send objects through signed URLs of a folder see.

use std::path::Path;

use releng_common::Clock;
use releng_store::{Attributes, Location, Options, open};
use reqwest::{Client, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{refusal, send, setup, xml};
use crate::key;
use crate::server::Server;

#[tokio::test]
async fn an_upload_larger_than_the_limit_is_refused_however_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, server) = limited(folder.path()).await;
    let nothing = Attributes::default();
    let url = store
        .sign_put(&key("k"), 60, &nothing)
        .await
        .unwrap()
        .resolve(&server.base);
    let body = xml("EntityTooLarge", "The object is too large");
    let known = Client::new()
        .put(&url)
        .body("12345678901")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(known).await, (413, body.clone()));
    let chunks = futures_util::stream::iter(["123456", "78901"].map(Ok::<_, std::io::Error>));
    let chunked = Client::new()
        .put(&url)
        .body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(refusal(chunked.send().await.unwrap()).await, (413, body));
    assert_eq!(store.head(&key("k")).await.unwrap(), None);
    let fits = Client::new()
        .put(&url)
        .body("1234567890")
        .send()
        .await
        .unwrap();
    assert_eq!(fits.status(), 200);
    let error = store
        .put(&key("k"), "12345678901".into(), &nothing)
        .await
        .unwrap_err();
    assert_eq!(error.message(), "the object is larger than 10 bytes");
}

async fn limited(folder: &Path) -> (releng_store::Store, Server) {
    let location = Location::parse(&format!("file://{}", folder.display())).unwrap();
    let mut options = Options::new("demo", Clock::system());
    options.local.max_object_bytes = 10;
    options.local.put_idle_secs = 1;
    options.local.max_uploads = 1;
    let opened = open(&location, &options).await.unwrap();
    let server = Server::start([opened.local.unwrap()]);
    (opened.store, server)
}

#[tokio::test]
async fn a_client_that_stops_sending_is_dismissed_and_blocks_its_place_only_so_long() {
    let folder = tempfile::tempdir().unwrap();
    let (store, server) = limited(folder.path()).await;
    let nothing = Attributes::default();
    let path = store
        .sign_put(&key("k"), 60, &nothing)
        .await
        .unwrap()
        .resolve("");
    let mut slow = TcpStream::connect(server.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n123");
    slow.write_all(head.as_bytes()).await.unwrap();
    while std::fs::read_dir(folder.path().join("tmp"))
        .unwrap()
        .count()
        == 0
    {
        tokio::task::yield_now().await;
    }
    let second = Client::new()
        .put(format!("{}{path}", server.base))
        .body("x")
        .send()
        .await
        .unwrap();
    let body = xml("SlowDown", "Too many uploads at once, try again");
    assert_eq!(refusal(second).await, (503, body));
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with(&xml(
        "RequestTimeout",
        "The client sent nothing for too long"
    )));
    assert_eq!(store.head(&key("k")).await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_with_a_digest_is_checked_against_it() {
    let setup = setup().await;
    let url = setup.put_url("k").await;
    let put = |md5: &'static str| {
        Client::new()
            .put(&url)
            .header("content-md5", md5)
            .body("abc")
    };
    let refused = put("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap();
    let body = xml("BadDigest", "The body does not have this Content-MD5");
    assert_eq!(refusal(refused).await, (400, body));
    let strange = put("abc").send().await.unwrap();
    let body = xml("InvalidRequest", "Content-MD5 is not 16 bytes in base64");
    assert_eq!(refusal(strange).await, (400, body));
    assert_eq!(setup.opened.store.head(&key("k")).await.unwrap(), None);
    let taken = put("kAFQmDzST7DWlj99KOF/cg==").send().await.unwrap();
    assert_eq!(taken.status(), 200);
    assert_eq!(
        taken.headers()["etag"],
        "\"6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85\""
    );
}

#[tokio::test]
async fn an_upload_without_exactly_the_signed_headers_is_forbidden() {
    let setup = setup().await;
    let mut signed = Attributes::of_type("application/octet-stream");
    signed.metadata.insert("size".to_owned(), "3".to_owned());
    let url = setup
        .opened
        .store
        .sign_put(&key("k"), 60, &signed)
        .await
        .unwrap();
    let url = url.resolve(&setup.server.base);
    let kind = ("content-type", "application/octet-stream");
    let size = ("x-amz-meta-size", "3");
    let mismatch = "The signature is not of this method, key, expiry and headers";
    let mismatch = xml("SignatureDoesNotMatch", mismatch);
    let further = "The header x-amz-meta-more is not part of the signature";
    let further = xml("AccessDenied", further);
    for (headers, body) in [
        (&[][..], &mismatch),
        (&[kind], &mismatch),
        (&[size], &mismatch),
        (&[kind, ("x-amz-meta-size", "4")], &mismatch),
        (&[("content-type", "text/html"), size], &mismatch),
        (
            &[("content-type", "application/octet-stream; x=y"), size],
            &mismatch,
        ),
        (&[kind, kind, size], &mismatch),
        (&[kind, size, ("x-amz-meta-more", "1")], &further),
    ] {
        let refused = send(Method::PUT, &url, headers).await;
        assert_eq!(refusal(refused).await, (403, body.clone()), "{headers:?}");
    }
    assert_eq!(send(Method::PUT, &url, &[kind, size]).await.status(), 200);
}
