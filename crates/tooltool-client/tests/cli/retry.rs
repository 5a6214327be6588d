// SPDX-License-Identifier: MPL-2.0
//! fetch against servers that misbehave: how often which failure is tried again, and where the
//! next attempt begins.

use crate::{
    home::{Home, digest, record},
    server::{Answer, Server},
};

const CONTENTS: &[u8] = b"0123456789";

fn home() -> Home {
    let home = Home::new();
    home.manifest(&[record("a", CONTENTS)]);
    home
}

#[test]
fn transient_statuses_are_tried_again_until_they_pass() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = Server::start(move |_, before| match before {
            0 | 1 => Answer::new(status, "").header("Retry-After", 1),
            _ => Answer::new(200, CONTENTS),
        });
        let home = home();
        let run = home.run(&["fetch", "--url", &server.url()]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(server.requests().len(), 3, "{status}");
    }
}

#[test]
fn after_five_attempts_a_server_is_given_up() {
    let server = Server::start(|_, _| Answer::new(503, ""));
    let home = home();
    let run = home.run(&["fetch", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(server.requests().len(), 5);
    assert_eq!(
        run.stderr.lines().rev().take(3).collect::<Vec<_>>(),
        [
            "ERROR - The following files failed: 'a'",
            "ERROR - 'a': could not be fetched",
            &format!(
                "WARNING - cannot fetch 'a' from {}: \
                 the server answers 503 Service Unavailable",
                server.url()
            ),
        ]
    );
    assert_eq!(home.names("."), ["manifest.tt"]);
}

#[test]
fn final_statuses_are_asked_once_and_the_next_server_delivers() {
    for status in [400, 401, 403, 404, 410] {
        let refusing = Server::start(move |_, _| Answer::new(status, ""));
        let delivering = Server::of(CONTENTS);
        let home = home();
        let run = home.run(&[
            "fetch",
            "--url",
            &refusing.url(),
            "--url",
            &delivering.url(),
        ]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(
            (refusing.requests().len(), delivering.requests().len()),
            (1, 1),
            "{status}"
        );
    }
}

#[test]
fn wrong_bytes_are_tried_again_and_then_the_next_server_delivers() {
    for wrong in [
        &b"9876543210"[..],
        b"short",
        b"much longer than it should be",
        b"",
    ] {
        let lying = Server::of(wrong);
        let delivering = Server::of(CONTENTS);
        let home = home();
        let run = home.run(&["fetch", "--url", &lying.url(), "--url", &delivering.url()]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(
            (lying.requests().len(), delivering.requests().len()),
            (5, 1)
        );
        assert_eq!(home.text("a").as_bytes(), CONTENTS);
        // None of the wrong bytes were kept, so nothing is to be continued.
        assert!(
            lying
                .requests()
                .iter()
                .all(|request| request.header("range").is_none())
        );
    }
}

#[test]
fn connections_that_break_before_the_answer_are_tried_again() {
    let server = Server::start(|_, before| match before {
        0 => Answer::slam(),
        _ => Answer::new(200, CONTENTS),
    });
    assert_eq!(home().run(&["fetch", "--url", &server.url()]).status, 0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_server_that_is_not_there_is_passed_over() {
    let gone = Server::of(b"").url();
    let server = Server::of(CONTENTS);
    assert_eq!(
        home()
            .run(&["fetch", "--url", &gone, "--url", &server.url()])
            .status,
        0
    );
}

#[test]
fn a_server_that_falls_silent_is_given_up_after_the_idle_time() {
    let silent = Server::start(|_, _| Answer::new(200, CONTENTS).then_silence());
    let server = Server::of(CONTENTS);
    let home = home();
    let run = home.run(&[
        "fetch",
        "--timeout-idle=1",
        "--tries=1",
        "--url",
        &silent.url(),
        "--url",
        &server.url(),
    ]);
    assert_eq!(run.status, 0);
    assert!(
        run.stderr.contains("nothing happened for 1 seconds"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_broken_download_continues_where_it_ended_and_asks_the_api_again() {
    let store = Server::start(|request, before| match (before, request.header("range")) {
        (0, None) => Answer::new(200, CONTENTS).cut_after(4),
        (_, Some("bytes=4-")) => {
            Answer::new(206, &CONTENTS[4..]).header("Content-Range", "bytes 4-9/10")
        }
        other => Answer::new(418, format!("{other:?}")),
    });
    let location = format!("{}signed", store.url());
    let api = Server::start(move |_, before| {
        Answer::new(302, "").header("Location", format!("{location}{before}"))
    });
    let home = home();
    let run = home.run(&["fetch", "--url", &api.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(home.text("a").as_bytes(), CONTENTS);
    assert_eq!(
        api.lines(),
        vec![format!("GET /sha512/{}", digest(CONTENTS)); 2]
    );
    assert_eq!(store.lines(), ["GET /signed0", "GET /signed1"]);
}

#[test]
fn a_server_that_ignores_the_range_is_read_from_the_beginning() {
    let server = Server::start(|_, before| match before {
        0 => Answer::new(200, CONTENTS).cut_after(4),
        _ => Answer::new(200, CONTENTS),
    });
    let home = home();
    assert_eq!(home.run(&["fetch", "--url", &server.url()]).status, 0);
    assert_eq!(home.text("a").as_bytes(), CONTENTS);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.requests()[1].header("range"), Some("bytes=4-"));
}

#[test]
fn a_server_that_cannot_continue_is_asked_from_the_beginning() {
    for (status, range) in [(416, None), (206, Some("bytes 7-9/10")), (206, None)] {
        let server = Server::start(move |request, before| match before {
            0 => Answer::new(200, CONTENTS).cut_after(4),
            1 => {
                let answer = Answer::new(status, "789");
                match range {
                    Some(range) => answer.header("Content-Range", range),
                    None => answer,
                }
            }
            _ if request.header("range").is_none() => Answer::new(200, CONTENTS),
            _ => Answer::new(418, ""),
        });
        let home = home();
        let run = home.run(&["fetch", "--url", &server.url()]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(server.requests().len(), 3);
        assert_eq!(home.text("a").as_bytes(), CONTENTS);
    }
}

#[test]
fn redirects_without_end_or_target_are_final() {
    let circle = Server::start(|_, _| Answer::new(302, "").header("Location", "/again"));
    let run = home().run(&["fetch", "--url", &circle.url()]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("more than 10 redirects"),
        "{}",
        run.stderr
    );
    assert_eq!(circle.requests().len(), 11);
    for location in ["file:///etc/passwd", "http://"] {
        let nowhere = Server::start(move |_, _| Answer::new(302, "").header("Location", location));
        let run = home().run(&["fetch", "--url", &nowhere.url()]);
        assert_eq!(run.status, 1);
        let reason = "the server redirects without a usable target";
        assert!(run.stderr.contains(reason), "{}", run.stderr);
        assert_eq!(nowhere.requests().len(), 1);
    }
}

#[test]
fn an_empty_file_and_a_file_without_a_size_are_normal() {
    let server = Server::start(|request, _| match request.target.ends_with(&digest("")) {
        true => Answer::new(200, ""),
        false => Answer::new(200, CONTENTS),
    });
    let home = Home::new();
    let unsized_record =
        crate::home::with(record("b", CONTENTS), serde_json::json!({"size": null}));
    home.manifest(&[record("empty", ""), unsized_record]);
    assert_eq!(home.run(&["fetch", "--url", &server.url()]).status, 0);
    assert_eq!(
        (home.text("empty"), home.text("b").as_bytes()),
        (String::new(), CONTENTS)
    );
}

#[test]
fn a_download_without_a_known_size_has_a_limit() {
    let server = Server::of(CONTENTS);
    let home = Home::new();
    home.manifest(&[crate::home::with(
        record("b", CONTENTS),
        serde_json::json!({"size": null}),
    )]);
    let words = [
        "fetch",
        "--tries=1",
        "--limit-download=0.000000008",
        "--url",
        &server.url(),
    ];
    let run = home.run(&words);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("more than 8 bytes came"),
        "{}",
        run.stderr
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_fetch_removes_its_temporary_files() {
    let silent = Server::start(|_, _| Answer::new(200, CONTENTS).then_silence());
    let home = home();
    let mut child = home
        .command(&["fetch", "--url", &silent.url()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while silent.requests().is_empty() {
        assert!(std::time::Instant::now() < deadline, "no request came");
        std::thread::yield_now();
    }
    let killed = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(home.names("."), ["manifest.tt"]);
}
