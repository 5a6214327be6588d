// SPDX-License-Identifier: MPL-2.0
//! upload: the batch, the bytes, the notification.

use std::sync::OnceLock;

use hawk::{Key, PayloadHasher, RequestBuilder, SHA256};
use serde_json::{Value, json};

use crate::{
    home::{Home, digest, record, with},
    server::{Answer, Request, Server},
};

fn public(filename: &str, contents: &str) -> Value {
    with(record(filename, contents), json!({"visibility": "public"}))
}

fn home(files: &[&str]) -> Home {
    let home = Home::new();
    for name in files {
        home.write(name, name);
    }
    home.manifest(
        &files
            .iter()
            .map(|name| public(name, name))
            .collect::<Vec<_>>(),
    );
    home
}

/// A tooltool server and store in one; `known` have instances already. The closure may answer
/// first.
pub fn server(
    known: &'static [&'static str],
    first: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    let own_url = std::sync::Arc::new(OnceLock::<String>::new());
    let url = std::sync::Arc::clone(&own_url);
    let server = Server::start(move |request, before| {
        if let Some(answer) = first(request, before) {
            return answer;
        }
        match (request.method.as_str(), request.target.as_str()) {
            ("POST", target) if target.starts_with("/upload") => {
                let mut batch: Value = serde_json::from_slice(&request.body).unwrap();
                for (name, file) in batch["files"].as_object_mut().unwrap() {
                    if !known.contains(&name.as_str()) {
                        file["put_url"] = format!("{}store/{name}", url.wait()).into();
                    }
                }
                batch["id"] = 7.into();
                Answer::new(200, json!({ "result": batch }).to_string())
            }
            ("PUT", _) => Answer::new(200, ""),
            ("GET", target) if target.starts_with("/upload/complete/") => Answer::new(202, "{}"),
            ("GET", _) => Answer::new(200, r#"{"has_instances": true}"#),
            _ => Answer::new(405, ""),
        }
    });
    own_url.set(server.url()).unwrap();
    server
}

#[test]
fn files_are_announced_sent_and_reported() {
    let server = server(&["b"], |_, _| None);
    let home = home(&["a", "b"]);
    home.write(
        "token",
        r#"{"clientId": "demo/client", "accessToken": "key"}"#,
    );
    let run = home.run(&[
        "upload",
        "--message",
        "Bug 1: both",
        "--region",
        "us-east-1",
        "--authentication-file",
        "token",
        "--url",
        &server.url(),
    ]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    assert_eq!(
        run.stderr,
        "INFO - the server calls this batch 7\nINFO - b: already exists on server\n\
         INFO - a: starting upload\nINFO - a: uploaded\n"
    );
    let complete = format!("GET /upload/complete/sha512/{}", digest("a"));
    assert_eq!(
        server.lines(),
        ["POST /upload?region=us-east-1", "PUT /store/a", &complete]
    );
    let requests = server.requests();
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let file = |name| json!({"algorithm": "sha512", "digest": digest(name), "size": 1, "visibility": "public"});
    assert_eq!(
        body,
        json!({"message": "Bug 1: both", "files": {"a": file("a"), "b": file("b")}})
    );
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let hash = PayloadHasher::hash("application/json", SHA256, &requests[0].body).unwrap();
    let path = "/upload?region=us-east-1";
    let signed = RequestBuilder::new("POST", "127.0.0.1", server.port(), path)
        .hash(hash.as_slice())
        .request();
    let header = requests[0]
        .header("authorization")
        .unwrap()
        .strip_prefix("Hawk ")
        .unwrap();
    let header: hawk::Header = header.parse().unwrap();
    assert_eq!(header.hash.as_ref(), Some(&hash));
    let minute = std::time::Duration::from_secs(60);
    assert!(signed.validate_header(&header, &Key::new("key", SHA256).unwrap(), minute));
    assert_eq!(requests[1].body, b"a");
    assert_eq!(
        requests[1].header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(requests[1].header("content-length"), Some("1"));
    assert_eq!(requests[1].header("transfer-encoding"), None);
    assert_eq!(requests[1].header("authorization"), None);
}

#[test]
fn puts_run_in_parallel() {
    let gate = std::sync::Barrier::new(3);
    let server = server(&[], move |request, _| {
        if request.method == "PUT" {
            gate.wait();
        }
        None
    });
    let home = home(&["a", "b", "c"]);
    // One after the other, each would time out, and there would be no second round.
    let run = home.run(&[
        "upload",
        "--message=m",
        "--jobs=1",
        "--tries=1",
        "--timeout-idle=20",
        "--url",
        &server.url(),
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn an_empty_file_is_sent_with_length_zero() {
    let server = server(&[], |_, _| None);
    let home = Home::new();
    home.write("empty", "");
    home.manifest(&[public("empty", "")]);
    assert_eq!(
        home.run(&["upload", "--message=m", "--url", &server.url()])
            .status,
        0
    );
    assert_eq!(server.requests()[1].header("content-length"), Some("0"));
}

#[test]
fn what_cannot_be_uploaded_is_refused_before_the_network() {
    let server = server(&[], |_, _| None);
    let url = server.url();
    let check = |home: &Home, words: &[&str], message: &str| {
        let run = home.run(&[words, &["--url", &url]].concat());
        assert_eq!(
            (run.status, run.stderr),
            (1, format!("ERROR - {message}\n"))
        );
    };
    check(
        &home(&["a"]),
        &["upload"],
        "upload command requires a message",
    );
    check(
        &home(&["a"]),
        &["upload", "--message="],
        "upload command requires a message",
    );
    let broken = home(&["a"]);
    broken.write("a", "b");
    check(&broken, &["upload", "--message=m"], "manifest is invalid");
    let hidden = Home::new();
    hidden.write("a", "a");
    hidden.manifest(&[record("a", "a")]);
    let message = "visibility of 'a' must be public or internal";
    check(&hidden, &["upload", "--message=m"], message);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_servers_refusal_is_printed_by_name_and_description() {
    let server = server(&[], |_, _| {
        let body = json!({"error": {"name": "403 Forbidden: no", "description": "no"}});
        Some(Answer::new(403, body.to_string()))
    });
    let run = home(&["a"]).run(&["upload", "--message=m", "--url", &server.url()]);
    assert_eq!(
        (run.status, run.stderr.as_str()),
        (1, "ERROR - 403 Forbidden: no: no\n")
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_failed_put_gets_a_new_url_from_a_new_batch_of_only_that_file() {
    let server = server(&[], |request, before| {
        (request.target == "/store/b" && before < 4).then(|| Answer::new(403, "expired"))
    });
    let home = home(&["a", "b"]);
    let run = home.run(&["upload", "--message=m", "--url", &server.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("ERROR - b: failed: the store answers 403 Forbidden\n"),
        "{}",
        run.stderr
    );
    let batches: Vec<Value> = server
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(batches.len(), 2);
    let names: Vec<_> = batches[1]["files"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["b"]);
}

#[test]
fn only_200_counts_as_sent() {
    let server = server(&[], |request, _| {
        (request.method == "PUT").then(|| Answer::new(201, ""))
    });
    let run = home(&["a"]).run(&["upload", "--message=m", "--tries=2", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr.lines().last(),
        Some("ERROR - The following files failed: 'a'")
    );
    assert_eq!(
        server.lines(),
        [
            "POST /upload",
            "PUT /store/a",
            "POST /upload",
            "PUT /store/a"
        ]
    );
}

#[test]
fn too_early_is_waited_out_and_other_notification_errors_do_not_matter() {
    let server = server(&[], |request, before| {
        let complete = request.target.starts_with("/upload/complete/");
        complete.then(|| match before {
            2 => Answer::new(409, "").header("X-Retry-After", 61),
            3 => Answer::new(409, ""),
            _ => Answer::new(400, r#"{"title": "400 Bad Request: no", "detail": "no"}"#),
        })
    });
    let run = home(&["a"]).run(&["upload", "--message=m", "--url", &server.url()]);
    assert_eq!(run.status, 0);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "INFO - Waiting 61 seconds for upload URLs to expire",
            "INFO - Waiting 60 seconds for upload URLs to expire",
            "ERROR - 400 Bad Request: no: no",
        ]
    );
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn wait_asks_until_the_file_has_instances() {
    let server = server(&[], |request, before| {
        let early = request.target.starts_with("/file/") && before < 5;
        early.then(|| Answer::new(200, r#"{"has_instances": false}"#))
    });
    let run = home(&["a"]).run(&["upload", "--message=m", "--wait", "--url", &server.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stderr.lines().last(), Some("INFO - a: verified"));
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn wait_fails_when_no_verified_copy_appears() {
    let server = server(&[], |request, _| {
        let file = request.target.starts_with("/file/");
        file.then(|| Answer::new(200, r#"{"has_instances": false}"#))
    });
    let run = home(&["a"]).run(&[
        "upload",
        "--message=m",
        "--wait",
        "--timeout-wait=0",
        "--url",
        &server.url(),
    ]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.ends_with(
            "ERROR - a: not verified: after 0 seconds the server has no verified copy, \
             it may have rejected the bytes\nERROR - The following files failed: 'a'\n"
        ),
        "{}",
        run.stderr
    );
}

#[test]
fn answers_without_sense_are_a_failure_and_not_a_crash() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"result": {"files": {"a": {"put_url": 5}}}}"#,
    ] {
        let server = Server::start(move |_, _| Answer::new(200, body));
        let run = home(&["a"]).run(&["-q", "upload", "--message=m", "--url", &server.url()]);
        assert_eq!(run.status, 1);
        let start = format!("ERROR - cannot understand the answer of {}: ", server.url());
        assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    }
}
