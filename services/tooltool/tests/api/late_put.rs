// SPDX-License-Identifier: MPL-2.0
//! A PUT that begins before its URL ends may end after the verification: it must not stay.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{App, PATIENCE, digest, entry};
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;

/// A PUT of which all but the last byte is on its way.
struct SlowPut {
    stream: TcpStream,
    last: u8,
}

impl SlowPut {
    async fn begin(url: &str, body: &[u8]) -> Self {
        let url = reqwest::Url::parse(url).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let target = format!("{}?{}", url.path(), url.query().unwrap());
        let head = format!(
            "PUT {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/octet-stream\r\n\
            content-length: {}\r\n\r\n",
            body.len()
        );
        let (last, most) = body.split_last().unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(most).await.unwrap();
        stream.flush().await.unwrap();
        Self {
            stream,
            last: *last,
        }
    }

    /// Sends the last byte and returns the status.
    async fn finish(mut self) -> u16 {
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = self.stream.read(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer[..length]).into_owned();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Announces a file, begins late PUTs of other bytes, sends the right ones and has them verified.
async fn verified_with_late_puts(app: &App, right: &[u8], late: &[&[u8]]) -> Vec<SlowPut> {
    let (url, slow) = eventually(PATIENCE, || async {
        let url = app.announce_one("a", entry(right)).await?;
        let mut slow = Vec::new();
        for bytes in late {
            slow.push(SlowPut::begin(&url, bytes).await);
        }
        // Another URL is asked for when this one ended on the way.
        (app.put(&url, right).await == 200).then_some((url, slow))
    })
    .await;
    assert!(url.contains(&digest(right)));
    app.complete(&digest(right)).await;
    app.verified(&digest(right)).await;
    slow
}

#[actix_web::test]
async fn a_folder_refuses_the_late_put() {
    for backend in backends() {
        let app = App::start(backend).await;
        let (right, wrong, longer) = (b"right", b"wrong", b"something longer");
        let late: [&[u8]; 3] = [wrong, longer, right];
        let slow = verified_with_late_puts(&app, right, &late).await;
        let mut answers = Vec::new();
        for put in slow {
            answers.push(put.finish().await);
        }
        // The last one brought what is there already.
        assert_eq!(answers, [403, 403, 200]);
        assert_eq!(app.bytes(&app.anonymous(), &digest(right)).await, right);
        let file = app.file(&digest(right)).await;
        assert_eq!(file["has_instances"], true);
    }
}

#[actix_web::test]
async fn a_bucket_is_looked_at_again_and_what_came_late_goes() {
    for backend in backends() {
        let builder = App::builder(backend)
            .set("RECHECK_AFTER_SECONDS", "2")
            .set("CHECK_PENDING_INTERVAL_SECONDS", "1");
        let Some(app) = App::in_buckets(builder, &["us-east-1"]).await else {
            return;
        };
        let right = b"right";
        let digest = digest(right);
        let mut slow = verified_with_late_puts(&app, right, &[b"wrong"]).await;
        assert_eq!(slow.pop().unwrap().finish().await, 200);
        eventually(PATIENCE, || async {
            (app.file(&digest).await["has_instances"] == false).then_some(())
        })
        .await;
        let page = app.buckets[0].store().list("", None, 9).await.unwrap();
        assert!(page.objects.is_empty());
        let answer = app.anonymous().get(&format!("/sha512/{digest}")).await;
        assert_eq!(answer.status, 404);
        app.upload("a", entry(right), right).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, right);
    }
}

#[actix_web::test]
async fn another_region_gives_back_what_a_late_put_destroyed() {
    let regions = ["us-east-1", "us-west-2"];
    let builder = App::builder(Backend::Sqlite)
        .set("RECHECK_AFTER_SECONDS", "4")
        .set("CHECK_PENDING_INTERVAL_SECONDS", "1")
        .set("REPLICATE_INTERVAL_SECONDS", "1");
    let Some(app) = App::in_buckets(builder, &regions).await else {
        return;
    };
    let (right, wrong) = (b"right", b"wrong");
    let digest = digest(right);
    let mut slow = verified_with_late_puts(&app, right, &[wrong]).await;
    let all = json!(regions);
    eventually(PATIENCE, || async {
        (app.file(&digest).await["instances"] == all).then_some(())
    })
    .await;
    assert_eq!(slow.pop().unwrap().finish().await, 200);
    let key = releng_store::Key::parse(format!("sha512/{digest}")).unwrap();
    let spoilt = async || {
        for (region, bucket) in regions.iter().zip(&app.buckets) {
            let object = bucket.store().get(&key, None).await.unwrap();
            let bytes = match object {
                Some(object) => object.bytes(100).await.unwrap(),
                None => return Some(*region),
            };
            if bytes != right.as_slice() {
                return Some(*region);
            }
        }
        None
    };
    assert!(spoilt().await.is_some(), "the late PUT went through");
    eventually(PATIENCE, || async {
        let is_whole = app.file(&digest).await["instances"] == all && spoilt().await.is_none();
        is_whole.then_some(())
    })
    .await;
}

#[actix_web::test]
async fn the_same_bytes_once_more_are_the_same_file() {
    let builder = App::builder(Backend::Sqlite)
        .set("RECHECK_AFTER_SECONDS", "1")
        .set("CHECK_PENDING_INTERVAL_SECONDS", "1");
    let Some(app) = App::in_buckets(builder, &["us-east-1"]).await else {
        return;
    };
    let right = b"right";
    let mut slow = verified_with_late_puts(&app, right, &[right]).await;
    assert_eq!(slow.pop().unwrap().finish().await, 200);
    // Two looks later it is still there.
    let looks = || async {
        let before = app.file(&digest(right)).await;
        (before["has_instances"] == true).then_some(())
    };
    for _ in 0..3 {
        tokio::time::timeout(Duration::from_secs(5), eventually(PATIENCE, looks))
            .await
            .unwrap();
    }
    assert_eq!(app.bytes(&app.anonymous(), &digest(right)).await, right);
}
