// SPDX-License-Identifier: MPL-2.0
//! Everything around the service is in trouble at once, for a long time: Taskcluster hangs, the broker
//! hangs, a thousand listeners hold the event feed, changes go on. Reads are answered as ever, every
//! listener hears every change, and memory stays flat.
//!
//! `RELENG_TROUBLE_SECONDS` says for how long in all (120); `deploy/load/trouble` runs an hour.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use releng_common::run::raise_open_files;
use releng_testkit::database::backends;
use releng_testkit::fake_taskcluster::{Config, FakeTaskcluster};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use releng_testkit::misbehaviour::Behaviour;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::rounds;
use releng_testkit::wire::{Passage, Wire};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::processes::{Installation, make_tree, send};
use super::{PATIENCE, broker, exchange, port_of, pulse_settings, waiting};

const LISTENERS: usize = 1000;
const TREES: usize = 10;
/// Readers at work, each with a pause between two reads: what is timed must not be a queue.
const READERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
/// Clients whose credentials nobody can verify.
const STRANGERS: usize = 8;
/// Pause between two changes. Each is sent to all listeners.
const CHANGE: Duration = Duration::from_millis(500);
/// Growth of resident memory after the first third that is taken for noise of the allocator.
const NOISE_KIB: u64 = 16 * 1024;

/// What all listeners heard.
#[derive(Default)]
struct Heard {
    streams: AtomicU64,
    changes: AtomicU64,
}

/// Opens the feed and counts changes until it is told to stop.
async fn listen(address: &str, heard: &Heard, stop: CancellationToken) {
    let host = address.strip_prefix("http://").unwrap();
    let mut stream = BufReader::new(TcpStream::connect(host).await.unwrap());
    let request = format!("GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = stream.lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "HTTP/1.1 200 OK");
    heard.streams.fetch_add(1, Ordering::Relaxed);
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => return,
            line = lines.next_line() => line.unwrap(),
        };
        if line.unwrap() == "event: tree" {
            heard.changes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads until it is told to stop; returns how long each read took.
async fn read(address: &str, stop: &CancellationToken) -> Vec<Duration> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut times = Vec::new();
    for n in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let path = ["/trees", "/trees/tree-3", "/trees/tree-7/logs"][n % 3];
        let begin = Instant::now();
        let answer = client.get(format!("{address}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap();
        times.push(begin.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    times
}

/// Changes trees until it is told to stop; returns how often.
async fn change(address: &str, stop: &CancellationToken) -> u64 {
    let mut done = 0;
    while !stop.is_cancelled() {
        let status = ["closed", "open"][usize::try_from(done % 2).unwrap()];
        let body = json!({
            "trees": ["tree-3"], "status": status, "reason": format!("bug {done}"), "tags": ["infra"],
        });
        let answer = send(address, "PATCH", "/trees", &body).await;
        assert_eq!(answer.unwrap(), 204);
        done += 1;
        tokio::time::sleep(CHANGE).await;
    }
    done
}

/// Asks for changes as somebody whom only Taskcluster, which hangs, could vouch for.
async fn knock(address: &str, stop: &CancellationToken) -> u64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let stranger = Credentials::new("demo/stranger", "stranger-token");
    let mut refused = 0;
    while !stop.is_cancelled() {
        let body = json!({"trees": ["tree-3"], "reason": "mine"}).to_string();
        let request = client.patch(format!("{address}/trees")).body(body);
        let request = request.header("content-type", "application/json");
        let answer = request.hawk(&stranger).unwrap().send().await.unwrap();
        assert_eq!(answer.status(), 503);
        refused += 1;
    }
    refused
}

/// Notes resident memory of a process each second until it is told to stop, in KiB.
async fn watch(process: u32, stop: &CancellationToken) -> Vec<u64> {
    let mut sizes = Vec::new();
    while !stop.is_cancelled() {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let size = line.unwrap().trim().strip_suffix(" kB").unwrap();
        sizes.push(size.parse().unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    sizes
}

async fn stop_after(period: Duration, stop: &CancellationToken) {
    tokio::time::sleep(period).await;
    stop.cancel();
}

/// Reads for a while and says how long reads took; times are no test.
async fn time_reads(when: &str, address: &str, period: Duration) {
    let stop = CancellationToken::new();
    let readers = (0..READERS).map(|_| read(address, &stop));
    let all = join_all(readers);
    let (times, ()) = tokio::join!(all, stop_after(period, &stop));
    say(when, times.concat());
}

#[expect(
    clippy::print_stdout,
    reason = "numbers for those who run it to have them"
)]
fn say(when: &str, mut times: Vec<Duration>) {
    times.sort();
    let share = |of_hundred: usize| times[(times.len() - 1) * of_hundred / 100];
    println!(
        "{when}: {} reads, half within {:?}, 99 of 100 within {:?}",
        times.len(),
        share(50),
        share(99)
    );
}

async fn suffer(process: &Process, period: Duration) {
    let (address, heard) = (process.address(), Heard::default());
    let (stop, end_of_listening) = (CancellationToken::new(), CancellationToken::new());
    let listeners = (0..LISTENERS).map(|_| listen(address, &heard, end_of_listening.clone()));
    let all_listeners = u64::try_from(LISTENERS).unwrap();
    let work = async {
        until(&heard.streams, all_listeners).await;
        let readers = (0..READERS).map(|_| read(address, &stop));
        let strangers = (0..STRANGERS).map(|_| knock(address, &stop));
        let (times, refused, changes, sizes, ()) = tokio::join!(
            join_all(readers),
            join_all(strangers),
            change(address, &stop),
            watch(process.id(), &stop),
            stop_after(period, &stop)
        );
        say("in trouble", times.concat());
        assert!(refused.iter().all(|count| *count > 0), "{refused:?}");
        until(&heard.changes, changes * all_listeners).await;
        end_of_listening.cancel();
        assert_flat(&sizes);
    };
    tokio::join!(join_all(listeners), work);
}

async fn until(counter: &AtomicU64, wanted: u64) {
    eventually(PATIENCE, || async {
        (counter.load(Ordering::Relaxed) == wanted).then_some(())
    })
    .await;
}

#[expect(
    clippy::print_stdout,
    reason = "numbers for those who run it to have them"
)]
fn assert_flat(sizes: &[u64]) {
    let third = sizes.len() / 3;
    let highest = |part: &[u64]| part.iter().copied().max().unwrap();
    let (before, after) = (highest(&sizes[..third]), highest(&sizes[third * 2..]));
    println!("resident memory: {before} KiB in the first third, {after} KiB in the last");
    assert!(after <= before + NOISE_KIB, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_feed_go_on_while_everything_around_hangs() {
    let Some(url) = broker() else { return };
    raise_open_files();
    let backends = backends();
    let seconds = rounds("RELENG_TROUBLE_SECONDS", 120) / backends.len();
    let period = Duration::from_secs(seconds.try_into().unwrap());
    for backend in backends {
        let wire = Wire::start(&format!("127.0.0.1:{}", port_of(&url)), Passage::All);
        let taskcluster = FakeTaskcluster::start(Config::default());
        let mut settings = pulse_settings(wire.port(), &exchange());
        settings.push(("TASKCLUSTER_ROOT_URL", taskcluster.url().to_owned()));
        let installation = Installation::new(backend, settings);
        let mut process = installation.start().await;
        for n in 0..TREES {
            make_tree(process.address(), &format!("tree-{n}")).await;
        }
        time_reads(
            &format!("{backend:?}, in peace"),
            process.address(),
            period / 10,
        )
        .await;
        taskcluster.set_behaviour(Behaviour::Hang);
        wire.set(Passage::Questions);
        suffer(&process, period).await;
        // What the broker could not be told is told when it is back.
        wire.set(Passage::All);
        eventually(PATIENCE, || async {
            (waiting(installation.url()).await == 0).then_some(())
        })
        .await;
        assert!(process.terminate().success());
    }
}
