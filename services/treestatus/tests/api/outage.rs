// SPDX-License-Identifier: MPL-2.0
//! The database goes away: reads go on from memory and say so, changes are refused.

use std::process::Command;
use std::time::{Duration, Instant};

use releng_testkit::app::{Answer, TestAppBuilder};
use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::poll::eventually;
use releng_testkit::temp;
use releng_testkit::wire::{Passage, Wire};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::App;
use crate::events::hold;

const PATIENCE: Duration = Duration::from_secs(60);

/// Reads that go on.
const READS: [&str; 8] = [
    "/trees",
    "/trees2",
    "/trees/a",
    "/v0/trees",
    "/v0/trees/a?format=json",
    "/stack",
    "/static/ui",
    "/static/ui/treestatus/show/a",
];

/// A service that reaches its database by a wire, and another one on the same database that goes on.
pub struct Pair {
    /// Behind the wire.
    pub app: App,
    pub other: App,
    wire: Wire,
}

impl Pair {
    pub async fn start(stale_seconds: &str) -> Self {
        let other = App::start(Backend::Postgres).await;
        let (wire, url) = Wire::to_url(other.0.database.url(), Passage::All);
        let builder = TestAppBuilder::new(Backend::Postgres)
            .with_client(
                "demo/sheriff",
                &[
                    "project:releng:treestatus/trees/update",
                    "project:releng:treestatus/recent_changes/revert",
                ],
            )
            .set("DATABASE_URL", url)
            .set("DATABASE_TIMEOUT_SECONDS", "1")
            .set("SERVE_STALE_SECONDS", stale_seconds);
        let app = App(builder.start().await);
        other.tree("a").await;
        other
            .update(json!({"trees": ["a"], "status": "closed", "reason": "bug 1", "tags": ["infra"], "remember": true}))
            .await;
        Self { app, other, wire }
    }

    pub fn mend(&self) {
        self.wire.set(Passage::All);
    }

    pub async fn cut(&self) {
        self.wire.set(Passage::Closed);
        self.notice().await;
    }

    /// Waits until the service has noticed: what it checked counts for some milliseconds.
    async fn notice(&self) {
        eventually(PATIENCE, async || {
            let answer = self.get("/v0/trees").await;
            let has_noticed = answer.status == 503 || !answer.header("x-data-age").is_empty();
            has_noticed.then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.anonymous().get(path).await
    }
}

fn has_postgres() -> bool {
    backends().contains(&Backend::Postgres)
}

fn assert_aged(answer: &Answer, path: &str) {
    let age: u64 = answer.header("x-data-age").parse().unwrap();
    assert!((1..=120).contains(&age), "{path}: {age}");
    let words = format!("the database does not answer; this is the state of {age} s ago");
    assert_eq!(
        answer.header("warning"),
        format!("110 treestatus \"{words}\""),
        "{path}"
    );
}

#[actix_web::test]
async fn reads_go_on_from_memory_and_say_how_old_they_are_until_the_database_is_back() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    let mut before = Vec::new();
    for path in READS {
        let answer = pair.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-data-age"), "", "{path}");
        assert_eq!(answer.header("warning"), "", "{path}");
        before.push(answer);
    }
    pair.cut().await;
    for (path, before) in READS.iter().zip(&before) {
        let answer = pair.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_aged(&answer, path);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        if path.starts_with("/static") {
            let text = answer.text();
            assert!(text.contains("The database does not answer."), "{text}");
            assert!(text.contains("bug 1"), "{text}");
        } else {
            assert_eq!(answer.body, before.body, "{path}");
        }
    }
    // What the memory knows it is sure of: unknown trees are 404, with CORS, as at all times.
    let client = pair.app.anonymous();
    let request = client.request(Method::GET, "/trees/nope");
    let answer = client
        .send(request.header("origin", "https://treeherder.example.com"))
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["detail"], "No such tree");
    assert!(!answer.header("access-control-allow-origin").is_empty());
    assert_aged(&answer, "/trees/nope");
    // What it does not know it does not make up.
    for path in ["/trees/a/logs", "/trees/a/logs_all", "/trees/a/logs?q=x"] {
        let answer = pair.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.json()["detail"], "the database does not answer");
        assert_ne!(answer.header("retry-after"), "");
    }
    assert_eq!(pair.get("/__heartbeat__").await.status, 503);
    assert_eq!(pair.get("/__lbheartbeat__").await.status, 200);

    // Others go on meanwhile.
    let open = json!({"trees": ["a"], "status": "open", "reason": "bug 2", "tags": []});
    assert_eq!(pair.other.update(open).await.status, 204);
    assert_eq!(pair.app.result("/trees/a").await["status"], "closed");

    pair.wire.set(Passage::All);
    let answer = pair.get("/trees/a").await;
    assert_eq!(answer.header("x-data-age"), "", "the first read after it");
    assert_eq!(answer.json()["result"]["status"], "open");
    assert_eq!(pair.get("/trees/a/logs").await.status, 200);
}

#[actix_web::test]
async fn the_feed_says_when_the_database_is_gone_and_goes_on_where_it_was() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    let host = pair.app.0.address().strip_prefix("http://").unwrap();
    let mut stream = BufReader::new(TcpStream::connect(host).await.unwrap());
    let request = format!("GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = stream.lines();
    let mut until = async |wanted: &str| {
        let found = async { while !lines.next_line().await.unwrap().unwrap().contains(wanted) {} };
        tokio::time::timeout(PATIENCE, found).await.unwrap();
    };
    until(": connected").await;
    pair.wire.set(Passage::Closed);
    until("event: stale").await;
    let open = json!({"trees": ["a"], "status": "open", "reason": "bug 2", "tags": []});
    assert_eq!(pair.other.update(open).await.status, 204);
    pair.wire.set(Passage::All);
    until("event: fresh").await;
    until("\"reason\":\"bug 2\"").await;
}

#[actix_web::test]
async fn a_stream_that_does_not_wait_for_more_ends_when_the_database_goes() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    // An older transaction keeps the stream from its end.
    let (_db, release) = hold(pair.other.0.database.url(), "a").await;
    pair.other.tree("b").await;
    let host = pair.app.0.address().strip_prefix("http://").unwrap();
    let mut stream = BufReader::new(TcpStream::connect(host).await.unwrap());
    let request =
        format!("GET /events?wait=0 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = stream.lines();
    let whole = async {
        let mut text = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(": connected") {
                pair.wire.set(Passage::Closed);
            }
            text.push_str(&line);
        }
        text
    };
    let text = tokio::time::timeout(PATIENCE, whole).await.unwrap();
    assert!(text.contains("event: stale"), "{text}");
    drop(release);
}

#[actix_web::test]
async fn a_database_without_tables_is_complained_of_once() {
    if !has_postgres() {
        return;
    }
    let database = TestDatabase::empty(Backend::Postgres);
    let folder = temp::dir();
    let told = folder.path().join("log");
    let binary = env!("CARGO_BIN_EXE_releng-treestatus");
    let command = |argument: &str| {
        let mut command = Command::new(binary);
        command
            .arg(argument)
            .env_clear()
            .env("DATA_DIR", folder.path())
            .env("PORT", "0")
            .env("DATABASE_URL", database.url());
        command
    };
    let log = std::fs::File::create(&told).unwrap();
    let mut child = command("serve").stderr(log).spawn().unwrap();
    let lines = |text: &str| {
        let log = std::fs::read_to_string(&told).unwrap();
        log.lines().filter(|line| line.contains(text)).count()
    };
    let until = async |text: &str| {
        eventually(PATIENCE, async || (lines(text) > 0).then_some(())).await;
    };
    until("the change feed waits").await;
    assert!(command("migrate").status().unwrap().success());
    until("the change feed goes on").await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines("the change feed waits"), 1);
}

#[actix_web::test]
async fn changes_are_refused_while_the_database_is_gone_and_work_afterwards() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    let id = pair.app.result("/stack").await[0]["id"].clone();
    pair.wire.set(Passage::Closed);
    let body = json!({"trees": ["a"], "status": "open", "reason": "lost"});
    let sheriff = pair.app.sheriff();
    for answer in [
        pair.app.update(body.clone()).await,
        sheriff.delete(&format!("/stack2/restore/{id}")).await,
        sheriff.delete(&format!("/stack2/discard/{id}")).await,
        sheriff
            .json("PATCH", "/log/1", &json!({"reason": "lost"}))
            .await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_ne!(answer.header("retry-after"), "");
    }
    pair.wire.set(Passage::All);
    assert_eq!(pair.app.result("/trees/a").await["reason"], "bug 1");
    assert_eq!(pair.app.update(body).await.status, 204);
    assert_eq!(pair.app.result("/trees/a").await["reason"], "lost");
}

#[actix_web::test]
async fn a_state_that_is_too_old_is_not_shown() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("1").await;
    assert_eq!(pair.get("/trees/a").await.status, 200);
    pair.wire.set(Passage::Closed);
    let refused = eventually(PATIENCE, async || {
        let answer = pair.get("/trees/a").await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["detail"], "the database does not answer");
    assert_ne!(refused.header("retry-after"), "");
    assert_eq!(pair.get("/trees/nope").await.status, 503, "not 404");
    pair.wire.set(Passage::All);
    assert_eq!(pair.app.result("/trees/a").await["status"], "closed");
}

#[actix_web::test]
async fn with_0_nothing_is_shown_from_memory() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("0").await;
    assert_eq!(pair.get("/trees/a").await.status, 200);
    pair.cut().await;
    assert_eq!(pair.get("/trees/a").await.status, 503);
    assert_eq!(pair.get("/static/ui").await.status, 503);
    pair.wire.set(Passage::All);
    assert_eq!(pair.get("/trees/a").await.status, 200);
}

#[actix_web::test]
async fn a_network_that_swallows_everything_is_an_outage_too() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    assert_eq!(pair.get("/trees/a").await.status, 200);
    pair.wire.set(Passage::Nothing);
    pair.notice().await;
    let asked = (0..20).map(|_| pair.get("/trees/a"));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["result"]["status"], "closed");
        assert_aged(&answer, "/trees/a");
    }
    let open = json!({"trees": ["a"], "status": "open", "reason": "bug 2"});
    assert_eq!(pair.other.update(open).await.status, 204);
    pair.wire.set(Passage::All);
    eventually(PATIENCE, async || {
        let answer = pair.get("/trees/a").await;
        assert_eq!(answer.status, 200);
        let is_current = answer.header("x-data-age").is_empty();
        assert_eq!(
            answer.json()["result"]["status"],
            if is_current { "open" } else { "closed" }
        );
        is_current.then_some(())
    })
    .await;
}

#[actix_web::test]
async fn a_memory_without_readers_is_warm_when_the_database_goes() {
    if !has_postgres() {
        return;
    }
    let pair = Pair::start("120").await;
    // Nobody reads while the wire is whole; what is shown when it is cut, the service read by itself.
    let start = Instant::now();
    loop {
        pair.cut().await;
        let answer = pair.get("/trees").await;
        if answer.status == 200 && answer.json()["result"]["a"]["reason"] == "bug 1" {
            assert_aged(&answer, "/trees");
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{}", answer.text());
        pair.wire.set(Passage::All);
        // Time for it to look.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
