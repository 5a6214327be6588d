// SPDX-License-Identifier: MPL-2.0
//! Files on their way up and down through a service and a store that behave like the original ones,
//! on good days and on bad ones.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::{
    home::{Home, digest, record, with},
    original::{Fault, Original, wrapped},
    server::{Answer, Request},
};

fn published(filename: &str, contents: &str, visibility: &str) -> Value {
    with(
        record(filename, contents),
        json!({ "visibility": visibility }),
    )
}

/// A home with credentials.
fn engineer() -> Home {
    Home::new()
        .with_env("TASKCLUSTER_CLIENT_ID", "demo/engineer")
        .with_env("TASKCLUSTER_ACCESS_TOKEN", "key")
}

#[test]
fn what_one_uploads_another_fetches() {
    let original = Original::start();
    let (up, down, url) = (engineer(), engineer(), original.api.url());
    let records = [
        published("a", "first", "public"),
        published("b", "second", "internal"),
        published("same as a", "first", "public"),
        published("empty", "", "public"),
    ];
    for (name, contents) in [
        ("a", "first"),
        ("b", "second"),
        ("same as a", "first"),
        ("empty", ""),
    ] {
        up.write(name, contents);
    }
    up.manifest(&records);
    down.manifest(&records);
    let run = up.run(&[
        "upload",
        "--message",
        "Bug 1: demo",
        "--wait",
        "--url",
        &url,
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("INFO - Waiting 3 seconds for upload URLs to expire\n")
    );
    for contents in ["first", "second", ""] {
        assert!(original.has(contents.as_bytes()), "{contents}");
    }
    let run = down.run(&["fetch", "--url", &url]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        down.names("."),
        ["a", "b", "empty", "manifest.tt", "same as a"]
    );
    assert_eq!(
        (down.text("a"), down.text("b")),
        ("first".into(), "second".into())
    );
    // The service was asked with a signature, the store without.
    let requests = original.api.requests();
    let mut asked = requests
        .iter()
        .filter(|request| !request.target.starts_with("/upload/complete"));
    assert!(asked.all(|request| request.header("authorization").is_some()));
    assert_eq!(original.store.requests().len(), 8);
    for request in original.store.requests() {
        assert_eq!(request.header("authorization"), None);
    }
    // Sending again finds everything there.
    let run = up.run(&["upload", "--message", "again", "--url", &url]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stderr.matches("already exists on server").count(), 4);
    // Without credentials only public files come.
    let stranger = Home::new();
    stranger.manifest(&records);
    let run = stranger.run(&["fetch", "--url", &url]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr.lines().last(),
        Some("ERROR - The following files failed: 'b'")
    );
}

/// Lets the first requests that the closure picks go wrong, one fault after the other.
fn in_turn(
    picks: impl Fn(&Request) -> bool + Send + Sync + 'static,
    faults: Vec<Answer>,
) -> impl Fn(&Request) -> Option<Answer> + Send + Sync {
    let next = AtomicUsize::new(0);
    move |request| {
        picks(request)
            .then(|| faults.get(next.fetch_add(1, Ordering::SeqCst)).cloned())
            .flatten()
    }
}

#[test]
fn a_fetch_gets_through_every_kind_of_bad_day() {
    let contents = "0123456789".repeat(1000);
    let from_the_store = |request: &Request| request.target.contains("Signature=get");
    let from_the_api = |request: &Request| !request.target.contains("Signature");
    let busy = |status| Answer::new(status, "").header("Retry-After", 1);
    let short = "0123456789".repeat(999);
    let wrong = "9876543210".repeat(1000);
    // Each within the five attempts that a URL gets.
    let days: Vec<(&str, Box<Fault>)> = vec![
        (
            "busy service",
            Box::new(in_turn(from_the_api, vec![busy(503), busy(429), busy(502)])),
        ),
        (
            "service that hangs up",
            Box::new(in_turn(
                from_the_api,
                vec![Answer::slam(), Answer::slam(), Answer::slam()],
            )),
        ),
        (
            "store that hangs up in the middle, again and again",
            Box::new(in_turn(
                from_the_store,
                vec![
                    Answer::new(200, contents.clone()).cut_after(4000),
                    Answer::new(206, &contents.as_bytes()[4000..])
                        .header("Content-Range", "bytes 4000-9999/10000")
                        .cut_after(2000),
                    Answer::slam(),
                    busy(500),
                ],
            )),
        ),
        (
            "store that lies",
            Box::new(in_turn(
                from_the_store,
                vec![
                    Answer::new(200, wrong.clone()),
                    Answer::new(200, short),
                    Answer::new(200, contents.clone() + "more"),
                    Answer::new(206, wrong).header("Content-Range", "bytes 0-9999/10000"),
                ],
            )),
        ),
        (
            "store that cannot continue",
            Box::new(in_turn(
                from_the_store,
                vec![
                    Answer::new(200, contents.clone()).cut_after(4000),
                    Answer::new(416, "").header("Content-Range", "bytes */10"),
                    Answer::new(200, contents.clone()).cut_after(5000),
                    Answer::new(206, "xx").header("Content-Range", "bytes 0-1/2"),
                ],
            )),
        ),
        (
            "silence",
            Box::new(in_turn(
                from_the_store,
                vec![Answer::new(200, contents.clone()).then_silence()],
            )),
        ),
    ];
    for (name, day) in days {
        let original = Original::with_faults(day);
        original.put(contents.as_bytes());
        let home = Home::new();
        home.manifest(&[record("a", &contents)]);
        let words = [
            "fetch",
            "--timeout-idle=1",
            "-c",
            "cache",
            "--url",
            &original.api.url(),
        ];
        let run = home.run(&words);
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        assert_eq!(home.text("a"), contents, "{name}");
        assert_eq!(home.names("."), ["a", "cache", "manifest.tt"], "{name}");
        assert_eq!(home.names("cache"), [digest(&contents)], "{name}");
    }
}

#[test]
fn an_upload_gets_through_every_kind_of_bad_day() {
    let is_put = |request: &Request| request.method == "PUT";
    let is_post = |request: &Request| request.method == "POST";
    let days: Vec<(&str, Box<Fault>)> = vec![
        (
            "busy service",
            Box::new(in_turn(
                is_post,
                vec![
                    Answer::new(503, "").header("Retry-After", 1),
                    Answer::new(500, ""),
                    Answer::slam(),
                ],
            )),
        ),
        (
            "store that refuses",
            Box::new(in_turn(
                is_put,
                vec![
                    Answer::new(
                        403,
                        "<Code>AccessDenied</Code><Message>Request has expired</Message>",
                    ),
                    Answer::new(503, "<Code>SlowDown</Code>"),
                    Answer::new(201, ""),
                    Answer::slam(),
                ],
            )),
        ),
        ("silence", Box::new(in_turn(is_put, vec![Answer::mute()]))),
    ];
    for (name, day) in days {
        let original = Original::with_faults(day);
        let home = engineer();
        home.write("a", "contents");
        home.manifest(&[published("a", "contents", "public")]);
        let words = [
            "upload",
            "--message=m",
            "--wait",
            "--timeout-idle=1",
            "--url",
            &original.api.url(),
        ];
        let run = home.run(&words);
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        assert!(original.has(b"contents"), "{name}");
    }
}

#[test]
fn a_refusal_in_the_shape_of_the_original_is_one_line() {
    for (status, reason, detail) in [
        (
            400,
            "Bad Request",
            "Cannot change already existing file's visibility level.",
        ),
        (403, "Forbidden", "no permission to upload public files"),
        (
            415,
            "Unsupported Media Type",
            "Invalid Content-type (text/plain), expected JSON data",
        ),
    ] {
        let original = Original::with_faults(move |_| Some(wrapped(status, reason, detail)));
        let home = engineer();
        home.write("a", "contents");
        home.manifest(&[published("a", "contents", "public")]);
        let run = home.run(&["upload", "--message=m", "--url", &original.api.url()]);
        assert_eq!(run.status, 1);
        assert_eq!(
            run.stderr,
            format!("ERROR - {status} {reason}: {detail}: {detail}\n")
        );
        assert_eq!(original.api.requests().len(), 1);
    }
}

/// Temporary files of a fetch that was killed are removed by the next one; those of a fetch that
/// runs are not.
#[cfg(unix)]
#[test]
fn two_fetches_in_one_folder_with_one_cache_do_not_disturb_each_other() {
    let contents = Arc::new("0123456789".repeat(100_000));
    let original = Original::start();
    original.put(contents.as_bytes());
    original.put(b"x");
    let home = Home::new();
    home.manifest(&[record("a", contents.as_str()), record("b", "x")]);
    home.write(".tooltool-left.tmp", "left by a killed one");
    let url = original.api.url();
    let words = ["fetch", "-c", "cache", "--url", &url];
    for _ in 0..10 {
        let mut running: Vec<_> = (0..4)
            .map(|_| {
                home.command(&words)
                    .stderr(std::process::Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in &mut running {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(home.names("."), ["a", "b", "cache", "manifest.tt"]);
        assert_eq!(home.names("cache").len(), 2);
        assert_eq!(home.text("a"), *contents);
        std::fs::remove_file(home.at("a")).unwrap();
        std::fs::remove_file(home.at("b")).unwrap();
        std::fs::remove_file(home.at("cache").join(digest("x"))).unwrap();
    }
}
