// SPDX-License-Identifier: MPL-2.0
//! change-visibility and delete.

use serde_json::json;

use crate::{
    home::{Home, digest},
    server::{Answer, Server},
};

#[test]
fn each_command_is_one_operation() {
    for (words, operation) in [
        (
            &["change-visibility", "--visibility", "internal"][..],
            r#"[{"op":"set_visibility","visibility":"internal"}]"#,
        ),
        (&["delete"], r#"[{"op":"delete_instances"}]"#),
    ] {
        let server = Server::of(b"{}");
        let (url, digest) = (server.url(), digest("x"));
        let run = Home::new().run(&[words, &["--digest", &digest, "--url", &url]].concat());
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        assert_eq!(server.lines(), [format!("PATCH /file/sha512/{digest}")]);
        let request = &server.requests()[0];
        assert_eq!(String::from_utf8_lossy(&request.body), operation);
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[test]
fn missing_options_are_named() {
    for (words, message) in [
        (&["delete"][..], "delete command requires a digest option"),
        (
            &["change-visibility"],
            "change-visibility command requires a digest option",
        ),
        (
            &["change-visibility", "--digest", &digest("x")],
            "change-visibility command requires a visibility option",
        ),
        (
            &["delete", "--digest=AB"],
            "--digest 'AB': a sha512 digest is 128 characters of 0-9 and a-f",
        ),
    ] {
        let run = Home::new().run(words);
        assert_eq!(
            (run.status, run.stderr),
            (1, format!("ERROR - {message}\n"))
        );
    }
}

#[test]
fn refusals_are_printed_in_every_shape_servers_use() {
    let flat = json!({"title": "401 Unauthorized: Invalid user permissions",
        "detail": "Invalid user permissions"});
    let both = json!({"title": "t", "detail": "d", "error": {"name": "401 Unauthorized: x",
        "description": "x"}});
    for (body, message) in [
        (
            flat.to_string(),
            "401 Unauthorized: Invalid user permissions: Invalid user permissions",
        ),
        (both.to_string(), "401 Unauthorized: x: x"),
        ("<html>\n".to_owned(), "401 Unauthorized: <html>"),
    ] {
        let server = Server::start(move |_, _| Answer::new(401, body.clone()));
        let run = Home::new().run(&["delete", "--digest", &digest("x"), "--url", &server.url()]);
        assert_eq!(
            (run.status, run.stderr),
            (1, format!("ERROR - {message}\n"))
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn credentials_that_do_not_hold_are_told_from_missing_permissions() {
    for challenge in [
        "Hawk error=\"Bad mac\"",
        "Bearer error=\"invalid_token\", error_description=\"Bad mac\"",
    ] {
        let server =
            Server::start(move |_, _| Answer::new(401, "{}").header("WWW-Authenticate", challenge));
        let run = Home::new().run(&["delete", "--digest", &digest("x"), "--url", &server.url()]);
        let expected = "WARNING - the credentials do not hold: Bad mac\n\
                        ERROR - 401 Unauthorized: {}\n";
        assert_eq!((run.status, run.stderr.as_str()), (1, expected));
    }
}

#[test]
fn a_redirecting_api_is_not_followed_but_named() {
    let server = Server::start(|_, _| Answer::new(301, "").header("Location", "https://new/"));
    let run = Home::new().run(&["delete", "--digest", &digest("x"), "--url", &server.url()]);
    assert_eq!(
        (run.status, run.stderr.as_str()),
        (
            1,
            "ERROR - 301 Moved Permanently: the server is at https://new/, use that as --url\n"
        )
    );
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|_, before| match before {
        0 => Answer::new(503, "").header("Retry-After", 5),
        _ => Answer::new(200, "{}"),
    });
    let run = Home::new().run(&["delete", "--digest", &digest("x"), "--url", &server.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(server.requests().len(), 2);
}
