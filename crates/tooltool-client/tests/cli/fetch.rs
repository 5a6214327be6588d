// SPDX-License-Identifier: MPL-2.0
//! fetch: what is downloaded from where, and what happens to files that are already here.

use std::{sync::Barrier, time::Duration};

use hawk::{Key, RequestBuilder, SHA256};
use serde_json::json;

use crate::{
    home::{Home, digest, record, with},
    server::{Answer, Server},
};

#[test]
fn a_missing_file_is_downloaded_from_its_digest() {
    let server = Server::of(b"contents");
    let home = Home::new();
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "--url", &server.url(), "--region", "us-west-2"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    assert_eq!(
        run.stderr,
        format!("INFO - fetching 'a' from {}\n", server.url())
    );
    assert_eq!(home.text("a"), "contents");
    assert_eq!(home.names("."), ["a", "manifest.tt"]);
    let path = format!("GET /sha512/{}?region=us-west-2", digest("contents"));
    assert_eq!(server.lines(), [path]);
}

#[test]
fn a_valid_file_is_left_alone_and_an_invalid_one_replaced() {
    let server = Server::of(b"right");
    let home = Home::new();
    home.manifest(&[record("valid", "valid"), record("invalid", "right")]);
    home.write("valid", "valid");
    home.write("invalid", "wrong");
    assert_eq!(home.run(&["fetch", "--url", &server.url()]).status, 0);
    assert_eq!(
        (home.text("valid"), home.text("invalid")),
        ("valid".into(), "right".into())
    );
    assert_eq!(server.lines(), [format!("GET /sha512/{}", digest("right"))]);
}

#[test]
fn records_that_are_not_named_are_not_touched() {
    let server = Server::of(b"wanted");
    let home = Home::new();
    home.manifest(&[
        record("wanted", "wanted"),
        record("invalid", "other"),
        with(record("archive.tar", "archive"), json!({"unpack": true})),
        with(record("broken", ""), json!({"digest": "00"})),
    ]);
    home.write("invalid", "kept as it is");
    home.write("archive.tar", "archive");
    let run = home.run(&["fetch", "wanted", "not-in-manifest", "--url", &server.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(home.text("invalid"), "kept as it is");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn records_that_cannot_be_checked_are_reported_before_anything_happens() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.manifest(&[
        record("fine", "x"),
        with(record("short", ""), json!({"digest": "ab"})),
        with(record("md5", ""), json!({"algorithm": "md5"})),
        record("twice", "1"),
        record("twice", "2"),
    ]);
    home.write("fine", "invalid but kept");
    let run = home.run(&["fetch", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "ERROR - record 'short': digest 'ab' is invalid: \
         a sha512 digest is 128 characters of 0-9 and a-f\n\
         ERROR - record 'md5': algorithm 'md5' is not supported, only sha512\n\
         ERROR - manifest has two different files named 'twice'\n"
    );
    assert_eq!(home.text("fine"), "invalid but kept");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_record_for_the_manifest_itself_is_refused_and_the_manifest_stays() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.manifest(&[record("manifest.tt", "x")]);
    let before = home.text("manifest.tt");
    let run = home.run(&["fetch", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "ERROR - record 'manifest.tt' is the manifest itself\n"
    );
    assert_eq!(home.text("manifest.tt"), before);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn all_files_are_tried_and_the_failed_ones_named_in_the_last_line() {
    let server = Server::start(|request, _| {
        if request.target.ends_with(&digest("b")) {
            Answer::new(200, "b")
        } else {
            Answer::new(404, "")
        }
    });
    let home = Home::new();
    home.manifest(&[record("a", "a"), record("b", "b"), record("c", "c")]);
    let run = home.run(&["fetch", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr.lines().last(),
        Some("ERROR - The following files failed: 'a', 'c'")
    );
    assert_eq!(home.names("."), ["b", "manifest.tt"]);
}

#[test]
fn the_authorization_goes_to_every_server_but_never_to_a_redirect_target() {
    let store = Server::of(b"contents");
    let location = format!("{}signed?X-Sig=1", store.url());
    let redirect = move |_: &_, _| Answer::new(302, "").header("Location", &location);
    let challenge = "Hawk error=\"Bad mac\"";
    let denied =
        Server::start(move |_, _| Answer::new(403, "").header("WWW-Authenticate", challenge));
    let api = Server::start(redirect);
    let home = Home::new();
    home.write(
        "token",
        r#" {"clientId": "demo/client", "accessToken": "key"} "#,
    );
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&[
        "fetch",
        "--authentication-file",
        "~/token",
        "--url",
        &denied.url(),
        "--url",
        &api.url(),
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let told = "the server answers 403 Forbidden; the credentials do not hold: Bad mac";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    for server in [&denied, &api] {
        let requests = server.requests();
        let header = requests[0]
            .header("authorization")
            .unwrap()
            .strip_prefix("Hawk ")
            .unwrap();
        let path = format!("/sha512/{}", digest("contents"));
        let signed = RequestBuilder::new("GET", "127.0.0.1", server.port(), &path).request();
        let key = Key::new("key", SHA256).unwrap();
        let header = header.parse().unwrap();
        assert!(signed.validate_header(&header, &key, Duration::from_secs(60)));
    }
    let requests = store.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), None);
    assert!(
        !run.stderr.contains("X-Sig"),
        "signed URLs are secrets: {}",
        run.stderr
    );
}

#[test]
fn a_token_file_that_is_not_json_is_a_bearer_token() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.write("token", "abc.def\n");
    home.manifest(&[record("a", "x")]);
    let words = [
        "fetch",
        "--authentication-file=token",
        "--url",
        &server.url(),
    ];
    assert_eq!(home.run(&words).status, 0);
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer abc.def")
    );
}

#[test]
fn credentials_and_server_come_from_the_environment_of_a_task() {
    let server = Server::of(b"x");
    let home = Home::new()
        .with_env("TASKCLUSTER_PROXY_URL", server.url().trim_end_matches('/'))
        .with_env("TOOLTOOL_HOST", "tooltool.example")
        .with_env("TASKCLUSTER_CLIENT_ID", "demo/task")
        .with_env("TASKCLUSTER_ACCESS_TOKEN", "key")
        .with_env("TASKCLUSTER_CERTIFICATE", r#"{"version":1}"#);
    home.manifest(&[record("a", "x")]);
    assert_eq!(home.run(&["fetch"]).status, 0);
    assert_eq!(
        server.lines(),
        [format!("GET /tooltool.example/sha512/{}", digest("x"))]
    );
    let header = server.requests()[0]
        .header("authorization")
        .unwrap()
        .to_owned();
    let header: hawk::Header = header.strip_prefix("Hawk ").unwrap().parse().unwrap();
    assert_eq!(header.id.as_deref(), Some("demo/task"));
    // {"certificate":{"version":1}} in base64.
    assert_eq!(
        header.ext.as_deref(),
        Some("eyJjZXJ0aWZpY2F0ZSI6eyJ2ZXJzaW9uIjoxfX0=")
    );
}

#[test]
fn a_bad_authentication_file_fails_before_the_network() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.write("token", r#"{"clientId": "c"}"#);
    home.manifest(&[record("a", "x")]);
    let run = home.run(&[
        "fetch",
        "--authentication-file=token",
        "--url",
        &server.url(),
    ]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "ERROR - token: accessToken in the authentication file must be a string\n"
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn as_many_downloads_as_jobs_run_at_once() {
    let gate = Barrier::new(3);
    // Each answer waits for two others: one after the other, all would time out.
    let server = Server::start(move |request, _| {
        gate.wait();
        let wanted = ["1", "2", "3"]
            .into_iter()
            .find(|text| request.target.ends_with(&digest(text)));
        Answer::new(200, wanted.unwrap())
    });
    let home = Home::new();
    home.manifest(&[record("a", "1"), record("b", "2"), record("c", "3")]);
    let run = home.run(&[
        "fetch",
        "-j3",
        "--tries=1",
        "--timeout-idle=20",
        "--url",
        &server.url(),
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_link_or_folder_in_the_way_is_handled_without_following_it() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.manifest(&[record("folder", "x")]);
    std::fs::create_dir(home.at("folder")).unwrap();
    home.write("folder/kept", "kept");
    let run = home.run(&["fetch", "--url", &server.url()]);
    assert_eq!(run.status, 1);
    assert_eq!(home.text("folder/kept"), "kept");
    #[cfg(unix)]
    {
        home.manifest(&[record("link", "x")]);
        home.write("target", "kept");
        std::os::unix::fs::symlink("target", home.at("link")).unwrap();
        assert_eq!(home.run(&["fetch", "--url", &server.url()]).status, 0);
        assert_eq!(
            (home.text("target"), home.text("link")),
            ("kept".into(), "x".into())
        );
    }
}
