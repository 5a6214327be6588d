// SPDX-License-Identifier: MPL-2.0
//! A client that does random things to one file and knows what must be true of it.

use std::sync::Arc;
use std::time::Duration;

use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::random::Random;
use crate::{digest, entry};

/// The service, wherever its present process listens.
pub(super) struct Service {
    address: watch::Receiver<String>,
    http: reqwest::Client,
}

/// An answer that came.
struct Answer {
    status: u16,
    location: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Service {
    pub(super) fn new(address: watch::Receiver<String>) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { address, http }
    }

    /// Sends a request; `None`: the process ended before it had answered.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let url = format!("{}{path}", *self.address.borrow());
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let signed = request
            .hawk(&Credentials::new("demo/admin", "demo-token"))
            .unwrap();
        self.answer(signed).await
    }

    async fn get(&self, url: &str) -> Option<Answer> {
        self.answer(self.http.get(url)).await
    }

    async fn put(&self, url: &str, body: Vec<u8>) -> Option<Answer> {
        let request = self
            .http
            .put(url)
            .header("content-type", "application/octet-stream");
        self.answer(request.body(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let location = response.headers().get("location");
        Some(Answer {
            status: response.status().as_u16(),
            location: location.map_or_else(String::new, |l| l.to_str().unwrap().to_owned()),
            body: response.bytes().await.ok()?.to_vec(),
        })
    }
}

/// What is known of the copies of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copies {
    /// The store answered 200 to the right bytes: they must be there in the end.
    Must,
    /// A deletion was answered with 200 and nothing was sent since: there must be none.
    MustNot,
    /// Something was not answered, or wrong bytes were sent.
    Open,
}

/// One client with one file.
pub(super) struct Driver {
    service: Arc<Service>,
    random: Random,
    bytes: Vec<u8>,
    digest: String,
    copies: Copies,
    /// The visibility that was answered last; `None`: a change of it was not answered.
    visibility: Option<String>,
    /// Batches that were answered.
    batches: Vec<i64>,
    accepted: usize,
}

impl Driver {
    pub(super) fn new(service: Arc<Service>, n: u64, seed: u64) -> Self {
        let mut random = Random::of(seed);
        let length = usize::try_from(random.below(400_000)).unwrap() + 1;
        let bytes: Vec<u8> = (n + 1)
            .to_le_bytes()
            .into_iter()
            .cycle()
            .take(length)
            .collect();
        Self {
            service,
            random,
            digest: digest(&bytes),
            bytes,
            copies: Copies::Open,
            visibility: None,
            batches: Vec::new(),
            accepted: 0,
        }
    }

    /// How often the store took the right bytes.
    pub(super) fn accepted(&self) -> usize {
        self.accepted
    }

    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        while !stop.is_cancelled() {
            // Rests between some acts, so that uploads come to their verification.
            let rest = self.random.below(4) * 150;
            tokio::time::sleep(Duration::from_millis(rest)).await;
            let act = self.random.below(20);
            let done = match act {
                0..=7 => self.upload(true).await,
                8 => self.upload(false).await,
                9..=11 => self.complete().await,
                12 | 13 => self.set_visibility().await,
                14 => self.delete().await,
                15..=17 => self.fetch().await,
                _ => self.look().await,
            };
            if done.is_none() {
                // The process is gone: the next one needs a moment.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self
    }

    fn file_path(&self) -> String {
        format!("/file/sha512/{}", self.digest)
    }

    async fn upload(&mut self, is_right: bool) -> Option<()> {
        let known = self
            .service
            .send(Method::GET, &self.file_path(), None)
            .await?;
        let mut entry = entry(&self.bytes);
        if known.status == 200 {
            entry["visibility"] = known.json()["visibility"].clone();
        }
        let body = json!({"message": "m", "files": {"a": entry}});
        let answer = self
            .service
            .send(Method::POST, "/upload", Some(&body))
            .await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status == 503 && text.contains("being deleted") {
            return Some(());
        }
        assert_eq!(answer.status, 200, "{text}");
        let result = answer.json()["result"].clone();
        self.batches.push(result["id"].as_i64().unwrap());
        let Some(url) = result["files"]["a"]["put_url"].as_str() else {
            assert_ne!(self.copies, Copies::MustNot, "a copy came from nowhere");
            return Some(());
        };
        let bytes = if is_right {
            self.bytes.clone()
        } else {
            self.bytes.iter().map(|byte| byte ^ 1).collect()
        };
        if !is_right || self.copies == Copies::MustNot {
            self.copies = Copies::Open;
        }
        let put = self.service.put(url, bytes).await?;
        if put.status == 200 && is_right {
            self.copies = Copies::Must;
            self.accepted += 1;
        }
        Some(())
    }

    async fn complete(&mut self) -> Option<()> {
        let path = format!("/upload/complete/sha512/{}", self.digest);
        let answer = self.service.send(Method::GET, &path, None).await?;
        assert!([202, 409].contains(&answer.status), "{}", answer.status);
        Some(())
    }

    async fn set_visibility(&mut self) -> Option<()> {
        let to = ["public", "internal"][usize::try_from(self.random.below(2)).unwrap()];
        self.visibility = None;
        let operations = json!([{"op": "set_visibility", "visibility": to}]);
        let answer = self
            .service
            .send(Method::PATCH, &self.file_path(), Some(&operations))
            .await?;
        match answer.status {
            200 => self.visibility = Some(to.to_owned()),
            404 => assert!(self.batches.is_empty()),
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
        Some(())
    }

    async fn delete(&mut self) -> Option<()> {
        self.copies = Copies::Open;
        let operations = json!([{"op": "delete_instances"}]);
        let answer = self
            .service
            .send(Method::PATCH, &self.file_path(), Some(&operations))
            .await?;
        match answer.status {
            200 => self.copies = Copies::MustNot,
            404 => assert!(self.batches.is_empty()),
            // Another deletion of this file was cut by a kill and blocks it for some seconds.
            503 => {}
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
        Some(())
    }

    /// Whatever comes back as the file is the file.
    async fn fetch(&mut self) -> Option<()> {
        let path = format!("/sha512/{}", self.digest);
        let answer = self.service.send(Method::GET, &path, None).await?;
        if answer.status == 404 {
            return Some(());
        }
        assert_eq!(
            answer.status,
            302,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        assert_ne!(self.copies, Copies::MustNot, "deleted, and yet served");
        let object = self.service.get(&answer.location).await?;
        match object.status {
            200 => assert!(object.body == self.bytes, "served something else"),
            // Only a deletion that was cut may leave a row without an object, for a moment.
            404 => assert_eq!(self.copies, Copies::Open),
            other => panic!("{other}: {}", String::from_utf8_lossy(&object.body)),
        }
        Some(())
    }

    /// What was answered stands.
    async fn look(&mut self) -> Option<()> {
        let answer = self
            .service
            .send(Method::GET, &self.file_path(), None)
            .await?;
        if answer.status == 404 {
            assert!(self.batches.is_empty(), "an announced file is unknown");
            return Some(());
        }
        let file = answer.json();
        if let Some(visibility) = &self.visibility {
            assert_eq!(file["visibility"], json!(visibility));
        }
        if self.copies == Copies::MustNot {
            assert_eq!(file["has_instances"], false, "a copy came from nowhere");
        }
        let n = usize::try_from(self.random.next() % 1000).unwrap();
        if let Some(id) = self.batches.get(n % self.batches.len().max(1)) {
            let batch = self
                .service
                .send(Method::GET, &format!("/upload/{id}"), None)
                .await?;
            assert_eq!(batch.status, 200, "batch {id} is lost");
            assert_eq!(batch.json()["files"]["a"]["digest"], json!(self.digest));
        }
        Some(())
    }

    /// Returns whether all that must be is, with nobody killed any more.
    pub(super) async fn is_at_rest(&self) -> Option<()> {
        let answer = self
            .service
            .send(Method::GET, &self.file_path(), None)
            .await?;
        if answer.status == 404 {
            return self.batches.is_empty().then_some(());
        }
        let file = answer.json();
        let instances = file["instances"].as_array().unwrap();
        if instances.is_empty() {
            return (self.copies != Copies::Must).then_some(());
        }
        for region in instances {
            let path = format!(
                "/sha512/{}?region={}",
                self.digest,
                region.as_str().unwrap()
            );
            let answer = self.service.send(Method::GET, &path, None).await?;
            let object = self.service.get(&answer.location).await?;
            if object.status != 200 {
                return None;
            }
            assert!(object.body == self.bytes, "served something else");
        }
        for id in &self.batches {
            let batch = self
                .service
                .send(Method::GET, &format!("/upload/{id}"), None)
                .await?;
            assert_eq!(batch.status, 200, "batch {id} is lost");
        }
        Some(())
    }
}
