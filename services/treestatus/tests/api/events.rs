// SPDX-License-Identifier: MPL-2.0
//! The change feed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use releng_db::{AnyConnection, Db};
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::{Value, json};

use crate::{App, apps};

/// An event as a browser sees it.
#[derive(Debug, Default, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

fn parse(text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for block in text.split("\n\n") {
        let mut event = Event::default();
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut event.id),
                Some(("event", value)) => value.clone_into(&mut event.name),
                Some(("data", value)) => event.data = serde_json::from_str(value).unwrap(),
                _ => {}
            }
        }
        if !event.name.is_empty() {
            events.push(event);
        }
    }
    events
}

/// Returns everything that happened after an event, and the id to go on from.
async fn after(app: &App, last: Option<&str>) -> (Vec<Event>, String) {
    let client = app.anonymous();
    let mut request = client.request(reqwest::Method::GET, "/events?wait=0");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = answer.text();
    let mut ids = text
        .lines()
        .rev()
        .filter_map(|line| line.strip_prefix("id: "));
    let last = ids.next().unwrap().to_owned();
    (parse(&text), last)
}

#[actix_web::test]
async fn whatever_happens_to_a_tree_is_told_in_order_with_the_state_after_it() {
    for app in apps().await {
        let (_, start) = after(&app, None).await;
        app.tree("a").await;
        app.update(json!({"trees": ["a"], "status": "closed", "reason": "r", "tags": ["infra"], "remember": true})).await;
        app.update(json!({"trees": ["a"], "message_of_the_day": "m"}))
            .await;
        let id = app.result("/trees/a").await["log_id"].clone();
        app.sheriff()
            .json("PATCH", &format!("/log/{id}"), &json!({"reason": "r2"}))
            .await;
        let change = app.result("/stack").await[0]["id"].clone();
        app.sheriff()
            .delete(&format!("/stack2/restore/{change}"))
            .await;
        let last = app.result("/trees/a").await;
        app.admin().delete("/trees/a").await;

        let (events, end) = after(&app, Some(&start)).await;
        let told: Vec<(&str, &Value, &Value)> = events
            .iter()
            .map(|e| {
                assert_eq!(e.name, "tree");
                let tree = &e.data["tree"];
                (
                    e.data["happened"].as_str().unwrap(),
                    &tree["status"],
                    &tree["reason"],
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("created", &json!("open"), &json!("")),
                ("changed", &json!("closed"), &json!("r")),
                ("changed", &json!("closed"), &json!("r")),
                ("changed", &json!("closed"), &json!("r2")),
                ("changed", &json!("open"), &json!("")),
                ("deleted", &Value::Null, &Value::Null),
            ]
        );
        assert_eq!(events[4].data["tree"], last);
        assert_eq!(after(&app, Some(&end)).await.0, []);
        let (rest, _) = after(&app, Some(&events[3].id)).await;
        assert_eq!(rest, events[4..]);
    }
}

#[actix_web::test]
async fn a_refused_change_tells_nothing_and_a_lost_place_is_admitted() {
    for app in apps().await {
        let (_, start) = after(&app, None).await;
        app.update(json!({"trees": ["none"], "status": "open"}))
            .await;
        assert_eq!(after(&app, Some(&start)).await.0, []);
        app.tree("a").await;
        let (events, _) = after(&app, Some("7-77777")).await;
        assert_eq!(events[0].name, "reset");
        // What was committed while older transactions were open is told again, never left out.
        assert!(
            events[1..]
                .iter()
                .all(|event| event.data["tree"]["tree"] == "a")
        );
        assert!(events.len() <= 2, "{events:?}");
        // An empty id is none, and no error.
        after(&app, Some("")).await;
        let client = app.anonymous();
        let request = client
            .request(reqwest::Method::GET, "/events")
            .header("last-event-id", "x");
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (
                400,
                &json!("Last-Event-ID must be the id of an event of this feed")
            )
        );
    }
}

#[actix_web::test]
async fn the_place_before_all_events_is_lost_when_the_first_ones_are_removed() {
    for app in apps().await {
        app.tree("a").await;
        app.tree("b").await;
        let (events, _) = after(&app, Some("0-0")).await;
        let named: Vec<&Value> = events.iter().map(|e| &e.data["tree"]["tree"]).collect();
        assert_eq!(named, ["a", "b"], "nothing is missing yet");
        app.run_sql("DELETE FROM releng_treestatus_events WHERE tree = 'a'")
            .await;
        let (events, end) = after(&app, Some("0-0")).await;
        assert_eq!(events[0].name, "reset");
        assert_eq!(
            after(&app, Some(&end)).await.0,
            [],
            "the reset names a place"
        );
    }
}

#[actix_web::test]
async fn the_newest_event_is_kept_however_old_it_is() {
    for app in apps().await {
        for name in ["a", "b", "c"] {
            app.tree(name).await;
        }
        let (_, end) = after(&app, None).await;
        app.run_sql("UPDATE releng_treestatus_events SET at = '2020-01-01 00:00:00'")
            .await;
        // One that starts removes what is too old.
        let builder =
            TestAppBuilder::new(app.0.database.backend()).set("DATABASE_URL", app.0.database.url());
        let _second = builder.start::<releng_treestatus::Treestatus>().await;
        let db = app.db();
        eventually(Duration::from_secs(30), || async {
            let left = db.read(|conn| {
                Ok(count(
                    conn,
                    "SELECT COUNT(*) AS n FROM releng_treestatus_events",
                ))
            });
            (left.await.unwrap() == 1).then_some(())
        })
        .await;
        assert_eq!(
            after(&app, Some(&end)).await.0,
            [],
            "that place is still good"
        );
        assert_eq!(after(&app, Some("0-0")).await.0[0].name, "reset");
    }
}

/// What a dump brings along that is restored into a cluster which has seen fewer transactions.
const RESTORED: &str = "UPDATE releng_treestatus_events SET tx = tx + 1000000000000";

#[actix_web::test]
async fn a_place_of_a_cluster_that_has_seen_more_transactions_is_lost() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let app = App::start(Backend::Postgres).await;
    app.tree("a").await;
    app.run_sql(RESTORED).await;
    let db = app.db();
    let sql = "SELECT tx AS n FROM releng_treestatus_events";
    let tx = db.read(move |conn| Ok(count(conn, sql))).await.unwrap();
    let told = format!("{tx}-1");
    let (events, _) = after(&app, Some(&told)).await;
    assert_eq!(events[0].name, "reset");
    app.tree("b").await;
    let (events, end) = after(&app, Some(&told)).await;
    assert_eq!(events[0].name, "reset");
    app.tree("c").await;
    let (events, _) = after(&app, Some(&end)).await;
    let named: Vec<&Value> = events.iter().map(|e| &e.data["tree"]["tree"]).collect();
    assert_eq!(named, ["c"]);
}

#[actix_web::test]
async fn a_stream_that_waits_for_nothing_does_not_wait_for_events_of_the_future() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let app = App::start(Backend::Postgres).await;
    app.tree("a").await;
    app.run_sql(RESTORED).await;
    // Changes go on all the time: a stream that waits is never silent, and would never give up.
    let changes = async {
        for n in 0..2000 {
            app.update(json!({"trees": ["a"], "status": "open", "reason": n.to_string()}))
                .await;
        }
        panic!("the stream did not end");
    };
    tokio::select! {
        () = changes => {}
        (_, end) = after(&app, None) => assert_ne!(end, ""),
    }
}

/// Holds the row of a tree until the sender is dropped, as a transaction by hand does.
pub async fn hold(database_url: &str, tree: &'static str) -> (Db, mpsc::Sender<()>) {
    let db = Db::connect(database_url, 4, Duration::from_secs(30)).unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (holds, held) = tokio::sync::oneshot::channel();
    let holding = db.clone();
    tokio::spawn(async move {
        let work = move |conn: &mut AnyConnection| {
            let lock = "SELECT 1 FROM releng_treestatus_trees WHERE tree = ";
            conn.batch_execute(&format!("BEGIN; {lock}'{tree}' FOR UPDATE"))?;
            let _ = holds.send(());
            let _ = released.recv();
            Ok(conn.batch_execute("COMMIT")?)
        };
        holding.read(work).await.unwrap();
    });
    held.await.unwrap();
    (db, release)
}

/// Returns the number `n` of a query.
fn count(conn: &mut AnyConnection, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    diesel::sql_query(sql).get_result::<Count>(conn).unwrap().n
}

/// Waits until a transaction of the database waits for a lock.
pub async fn until_one_waits(db: &Db) {
    let sql = "SELECT COUNT(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(Duration::from_secs(30), || async {
        let waiting = db.read(move |conn| Ok(count(conn, sql)));
        (waiting.await.unwrap() > 0).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn the_last_word_on_a_tree_is_its_newest_state() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let app = App::start(Backend::Postgres).await;
    for name in ["a", "b", "c"] {
        app.tree(name).await;
    }
    let (_, start) = after(&app, None).await;
    let (db, release) = hold(app.0.database.url(), "b").await;
    let closing = app.update(
        json!({"trees": ["a", "b", "c"], "status": "closed", "reason": "late", "tags": ["infra"]}),
    );
    let others = async {
        // It has its number already, and the lock of `c` not yet.
        until_one_waits(&db).await;
        let body = json!({"trees": ["c"], "status": "open", "reason": "early"});
        assert_eq!(app.update(body).await.status, 204);
        drop(release);
    };
    let (closed, ()) = tokio::join!(closing, others);
    assert_eq!(closed.status, 204);
    let (events, _) = after(&app, Some(&start)).await;
    let states = app.0.anonymous().get("/trees").await.json()["result"].clone();
    assert_eq!(states["c"]["reason"], "late");
    for name in ["a", "b", "c"] {
        let newest = events.iter().rfind(|e| e.data["tree"]["tree"] == name);
        assert_eq!(newest.unwrap().data["tree"], states[name], "{name}");
    }
}

/// Opens a stream and returns it after its first lines.
fn listen(address: &str) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
        .write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut stream = BufReader::new(socket);
    read_until(&mut stream, ": connected");
    stream
}

fn read_until(stream: &mut BufReader<TcpStream>, wanted: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        if line.starts_with(wanted) {
            return line;
        }
    }
}

#[actix_web::test]
async fn open_streams_hear_of_changes() {
    for app in apps().await {
        let address = app.0.address().trim_start_matches("http://").to_owned();
        let open = move || (0..3).map(|_| listen(&address)).collect::<Vec<_>>();
        let mut streams = tokio::task::spawn_blocking(open).await.unwrap();
        app.tree("a").await;
        let told = tokio::task::spawn_blocking(move || {
            let lines = streams
                .iter_mut()
                .map(|stream| read_until(stream, "data: "));
            lines.collect::<Vec<_>>()
        });
        for line in told.await.unwrap() {
            assert!(line.contains("\"happened\":\"created\""), "{line}");
        }
    }
}

#[test]
fn open_streams_do_not_hold_up_the_end_of_a_process() {
    let folder = temp::dir();
    let binary = env!("CARGO_BIN_EXE_releng-treestatus");
    let settings = [("EVENT_STREAMS", "1"), ("SHUTDOWN_TIMEOUT_SECONDS", "3600")];
    let mut process = Process::serve(binary, folder.path(), &settings);
    let address = process.address().trim_start_matches("http://").to_owned();
    let mut stream = listen(&address);
    let mut refused = TcpStream::connect(&address).unwrap();
    refused
        .write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    read_until(&mut BufReader::new(refused), "HTTP/1.1 503");
    process.ask_to_end();
    let mut rest = String::new();
    while stream.read_line(&mut rest).unwrap() > 0 {}
    assert!(process.wait().success());
}
