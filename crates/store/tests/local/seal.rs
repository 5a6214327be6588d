// SPDX-License-Identifier: MPL-2.0
//! A PUT that began before its URL ended and ends after the object was sealed.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use releng_common::Clock;
use releng_store::{Attributes, Opened, Seal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{refusal, xml};
use crate::server::Server;
use crate::{key, open_in, put};

const LIFE: u32 = 60;

struct Setup {
    clock: Clock,
    opened: Opened,
    server: Server,
}

async fn setup(folder: &Path) -> Setup {
    let clock = Clock::frozen(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
    let opened = open_in(folder, "demo", clock.clone()).await;
    let server = Server::start([opened.local.clone().unwrap()]);
    Setup {
        clock,
        opened,
        server,
    }
}

impl Setup {
    async fn path(&self) -> String {
        let nothing = Attributes::default();
        let url = self.opened.store.sign_put(&key("k"), LIFE, &nothing).await;
        url.unwrap().resolve("")
    }

    fn url_end(&self) -> DateTime<Utc> {
        self.clock.now() + Duration::seconds(LIFE.into())
    }

    /// Sends the head and all but the last byte of a body.
    async fn begin(&self, path: &str, body: &str, folder: &Path) -> TcpStream {
        let mut slow = TcpStream::connect(self.server.base.trim_start_matches("http://"))
            .await
            .unwrap();
        let length = body.len();
        let head =
            format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        let part = &body[..length - 1];
        let before = incoming(folder);
        slow.write_all(format!("{head}{part}").as_bytes())
            .await
            .unwrap();
        while incoming(folder) == before {
            tokio::task::yield_now().await;
        }
        slow
    }

    async fn content(&self) -> String {
        let object = self
            .opened
            .store
            .get(&key("k"), None)
            .await
            .unwrap()
            .unwrap();
        let bytes = object.bytes(100).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

fn incoming(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("tmp")).unwrap().count()
}

/// Sends the last byte and returns the answer.
async fn finish(mut slow: TcpStream, last: &str) -> String {
    slow.write_all(last.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = slow.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn a_late_put_does_not_replace_a_sealed_object() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path()).await;
    let path = setup.path().await;
    let end = setup.url_end();
    let late = setup.begin(&path, "wrong", folder.path()).await;
    let same = setup.begin(&path, "right", folder.path()).await;
    put(&setup.opened.store, "k", "right").await;
    setup.clock.advance(Duration::seconds(120));
    assert_eq!(
        setup.opened.store.seal(&key("k"), end).await.unwrap(),
        Seal::Done
    );

    let answer = finish(late, "g").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.ends_with(&xml("AccessDenied", "Request has expired")));
    assert_eq!(setup.content().await, "right");
    // Who brings the same bytes late has not failed.
    let answer = finish(same, "t").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(incoming(folder.path()), 0);
}

#[tokio::test]
async fn a_late_put_counts_where_nothing_is_sealed_and_a_newer_url_always() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path()).await;
    let path = setup.path().await;
    let end = setup.url_end();
    let first = setup.begin(&path, "first", folder.path()).await;
    let second = setup.begin(&path, "second", folder.path()).await;
    setup.clock.advance(Duration::seconds(120));
    assert_eq!(
        setup.opened.store.seal(&key("k"), end).await.unwrap(),
        Seal::Absent
    );
    // The URL limits the beginning of a PUT: a large file takes its time.
    assert!(finish(first, "t").await.starts_with("HTTP/1.1 200 "));
    assert!(finish(second, "d").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(setup.content().await, "second");

    setup.opened.store.seal(&key("k"), end).await.unwrap();
    let newer = setup.path().await;
    let third = setup.begin(&newer, "third", folder.path()).await;
    assert!(finish(third, "d").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(setup.content().await, "third");
    // What the newer URL wrote is not sealed; a seal never becomes less.
    setup
        .opened
        .store
        .seal(&key("k"), setup.url_end())
        .await
        .unwrap();
    setup.opened.store.seal(&key("k"), end).await.unwrap();
    let fourth = setup.begin(&newer, "fourth", folder.path()).await;
    assert!(finish(fourth, "h").await.starts_with("HTTP/1.1 403 "));
    assert_eq!(setup.content().await, "third");
}

#[tokio::test]
async fn a_sealed_object_can_be_deleted_put_anew_and_listed_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path()).await;
    let store = &setup.opened.store;
    put(store, "k", "one").await;
    let before = store.head(&key("k")).await.unwrap();
    store.seal(&key("k"), setup.url_end()).await.unwrap();
    assert_eq!(store.head(&key("k")).await.unwrap(), before);
    let page = store.list("", None, 9).await.unwrap();
    assert_eq!(page.objects[0].last_modified, setup.clock.now());
    put(store, "k", "two").await;
    assert_eq!(setup.content().await, "two");
    store.seal(&key("k"), setup.url_end()).await.unwrap();
    store.delete(&key("k")).await.unwrap();
    let url = format!("{}{}", setup.server.base, setup.path().await);
    let put = reqwest::Client::new().put(&url).body("three").send().await;
    assert_eq!(put.unwrap().status(), 200);
    let expired = {
        setup.clock.advance(Duration::seconds(61));
        reqwest::Client::new()
            .put(&url)
            .body("four")
            .send()
            .await
            .unwrap()
    };
    let body = xml("AccessDenied", "Request has expired");
    assert_eq!(refusal(expired).await, (403, body));
}

/// Seals and late PUTs at the same time: whatever was sealed stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_and_a_late_put_never_both_win() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Arc::new(setup(folder.path()).await);
    let store = &setup.opened.store;
    for _ in 0..40 {
        let path = setup.path().await;
        put(store, "k", "right").await;
        let late = setup.begin(&path, "wrong", folder.path()).await;
        let (answer, sealed) = tokio::join!(finish(late, "g"), async {
            store.seal(&key("k"), setup.url_end()).await.unwrap();
            setup.content().await
        });
        let after = setup.content().await;
        if answer.starts_with("HTTP/1.1 200 ") {
            assert_eq!(after, "wrong");
        } else {
            assert_eq!(after, "right");
        }
        // What one reads after the seal is what stays.
        assert_eq!(sealed, after, "{answer}");
    }
}
