// SPDX-License-Identifier: MPL-2.0
use reqwest::Method;
use serde_json::{Value, json};

use crate::{App, apps, digest, entry};
use releng_testkit::app::Answer;

/// Asserts the whole error body (D-11).
fn assert_error(answer: &Answer, status: u16, reason: &str, detail: &str) {
    assert_eq!(
        (answer.status, answer.json()),
        (status, error_body(status, reason, detail))
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

fn error_body(status: u16, reason: &str, detail: &str) -> Value {
    let title = format!("{status} {reason}: {detail}");
    json!({
        "detail": detail, "instance": "about:blank", "status": status, "title": title,
        "type": "about:blank",
        "error": {
            "description": detail, "detail": detail, "instance": "about:blank",
            "name": title, "status": status, "title": title, "type": "about:blank",
        },
    })
}

const NOT_FOUND: &str = "The requested URL was not found on the server. If you entered the URL \
    manually please check your spelling and try again.";

#[actix_web::test]
async fn a_digest_that_is_none_is_400_on_every_path() {
    for app in apps().await {
        let good = digest(b"x");
        let bad = [
            good.to_uppercase(),
            good[1..].to_owned(),
            format!("{good}0"),
            format!("{good}%0A"),
            "invalid".to_owned(),
            "%ff%fe".to_owned(),
            "%00".to_owned(),
            "..%2f..%2fetc%2fpasswd".to_owned(),
        ];
        for digest in bad {
            for path in ["/sha512/", "/file/sha512/", "/upload/complete/sha512/"] {
                let answer = app.anonymous().get(&format!("{path}{digest}")).await;
                assert_error(&answer, 400, "Bad Request", "Invalid sha512 digest");
            }
        }
    }
}

#[actix_web::test]
async fn what_is_not_there_is_404_and_a_wrong_method_405() {
    for app in apps().await {
        let unknown = "0".repeat(128);
        app.announce_one("a", entry(b"announced")).await.unwrap();
        let announced = digest(b"announced");
        for path in [
            format!("/sha512/{unknown}"),
            format!("/sha512/{announced}"),
            format!("/file/sha512/{unknown}"),
            "/upload/".to_owned(),
            "/sha512/".to_owned(),
            "/nothing".to_owned(),
            format!("/sha512/{unknown}/"),
            "/static/nothing".to_owned(),
        ] {
            let answer = app.anonymous().get(&path).await;
            assert_error(&answer, 404, "Not Found", NOT_FOUND);
        }
        let client = app.anonymous();
        let answer = client.send(client.request(Method::PUT, "/upload")).await;
        let text = "The method is not allowed for the requested URL.";
        assert_error(&answer, 405, "Method Not Allowed", text);
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS, POST");
    }
}

#[actix_web::test]
async fn a_search_needs_a_text_that_databases_store() {
    for app in apps().await {
        for path in ["/upload", "/file", "/file?region=x"] {
            let answer = app.anonymous().get(path).await;
            assert_error(&answer, 400, "Bad Request", "Missing query parameter 'q'");
        }
        for path in ["/upload?q=%00", "/file?q=a%00"] {
            let answer = app.anonymous().get(path).await;
            let text = "query parameter 'q' must not contain NUL characters";
            assert_error(&answer, 400, "Bad Request", text);
        }
        for path in ["/file?q=&limit=x", "/upload?q=&offset=-1"] {
            assert_eq!(app.anonymous().get(path).await.status, 400);
        }
        for path in [
            "/file?q=%ff",
            "/upload?q=%ff%fe",
            "/file?q=&offset=99999999999999999",
        ] {
            assert_eq!(app.anonymous().get(path).await.status, 200);
        }
    }
}

/// Returns a batch whose only file has one member changed.
fn with(member: &str, value: Value) -> Value {
    let mut file = entry(b"x");
    file[member] = value;
    json!({"message": "m", "files": {"a": file}})
}

fn without(member: &str) -> Value {
    let mut file = entry(b"x");
    file.as_object_mut().unwrap().remove(member);
    json!({"message": "m", "files": {"a": file}})
}

#[actix_web::test]
async fn each_rule_of_a_batch_is_named_and_nothing_is_stored() {
    for app in apps().await {
        let named = |name: &str| json!({"message": "m", "files": {name: entry(b"x")}});
        let table = [
            (json!([]), "[] is not of type 'object'"),
            (json!({"files": {}}), "'message' is a required property"),
            (json!({"message": "m"}), "'files' is a required property"),
            (
                json!({"message": 1, "files": {}}),
                "1 is not of type 'string' - 'message'",
            ),
            (
                json!({"message": "m", "files": []}),
                "[] is not of type 'object' - 'files'",
            ),
            (
                json!({"message": "", "files": {}}),
                "message must be non-empty",
            ),
            (
                json!({"message": "m", "files": {}}),
                "a batch must include at least one file",
            ),
            (
                json!({"message": "m", "files": {"a": entry(b"x")}, "author": null}),
                "Author must NOT be specified for upload.",
            ),
            (
                json!({"message": "\u{0}", "files": {"a": entry(b"x")}}),
                "a text must not contain NUL characters - 'message'",
            ),
            (without("size"), "'size' is a required property - 'files.a'"),
            (
                without("digest"),
                "'digest' is a required property - 'files.a'",
            ),
            (
                without("algorithm"),
                "'algorithm' is a required property - 'files.a'",
            ),
            (
                without("visibility"),
                "'visibility' is a required property - 'files.a'",
            ),
            (
                with("size", json!("5")),
                "'5' is not of type 'integer' - 'files.a.size'",
            ),
            (
                with("size", json!(1.5)),
                "1.5 is not of type 'integer' - 'files.a.size'",
            ),
            (
                with("size", json!(-1)),
                "-1 is less than the minimum of 0 - 'files.a.size'",
            ),
            (
                with("size", json!(9_223_372_036_854_775_808_u64)),
                "9223372036854775808 is greater than the maximum of 9223372036854775807 - 'files.a.size'",
            ),
            (
                with("visibility", json!("secret")),
                "'secret' is not one of ['public', 'internal'] - 'files.a.visibility'",
            ),
            (
                with("algorithm", json!("sha256")),
                "`sha512` is the only allowed digest algorithm",
            ),
            (with("digest", json!("abc")), "Invalid sha512 digest"),
            (
                with("digest", json!(format!("{}\n", digest(b"x")))),
                "Invalid sha512 digest",
            ),
            (named(""), "filename \"\" must name a file"),
            (named(".."), "filename \"..\" must name a file"),
            (
                named("../../etc/passwd"),
                "filename \"../../etc/passwd\" must not contain /, \\ or control characters",
            ),
            (
                named("a\u{0}"),
                "filename \"a\\0\" must not contain /, \\ or control characters",
            ),
            (
                named(&"x".repeat(256)),
                "a filename must have at most 255 bytes",
            ),
        ];
        for (body, detail) in table {
            let answer = app.engineer().json("POST", "/upload", &body).await;
            assert_error(&answer, 400, "Bad Request", detail);
        }
        assert_eq!(
            app.anonymous().get("/upload?q=").await.json(),
            json!({"result": []})
        );
        assert_eq!(
            app.anonymous().get("/file?q=").await.json(),
            json!({"result": []})
        );
    }
}

#[actix_web::test]
async fn who_may_not_upload_is_told_what_was_missing() {
    for app in apps().await {
        for client in [app.anonymous(), app.stranger()] {
            let answer = client
                .json("POST", "/upload", &with("digest", json!("bad")))
                .await;
            let detail = "no permission to upload public files";
            assert_error(&answer, 403, "Forbidden", detail);
        }
        let internal = with("visibility", json!("internal"));
        let answer = app.public().json("POST", "/upload", &internal).await;
        assert_error(
            &answer,
            403,
            "Forbidden",
            "no permission to upload internal files",
        );
        let both = json!({"message": "m", "files": {
            "a": entry(b"x"), "b": internal["files"]["a"],
        }});
        let answer = app.public().json("POST", "/upload", &both).await;
        assert_error(
            &answer,
            403,
            "Forbidden",
            "no permission to upload internal files",
        );
    }
}

#[actix_web::test]
async fn bodies_that_are_no_json_are_refused_by_their_reason() {
    for app in apps().await {
        let not_json = "Request body is not valid JSON";
        let table: [(&str, Vec<u8>, u16, &str, &str); 6] = [
            (
                "application/json",
                b"{".to_vec(),
                400,
                "Bad Request",
                not_json,
            ),
            ("application/json", Vec::new(), 400, "Bad Request", not_json),
            (
                "application/json",
                vec![0xff, 0xfe],
                400,
                "Bad Request",
                not_json,
            ),
            (
                "application/json",
                "[".repeat(100_000).into(),
                400,
                "Bad Request",
                not_json,
            ),
            (
                "text/plain",
                b"{}".to_vec(),
                415,
                "Unsupported Media Type",
                "Invalid Content-type (text/plain), expected JSON data",
            ),
            (
                "application/json",
                vec![b' '; (1 << 20) + 1],
                413,
                "Request Entity Too Large",
                "the body is larger than 1048576 bytes",
            ),
        ];
        for (media_type, body, status, reason, detail) in table {
            let request = app
                .engineer()
                .request(Method::POST, "/upload")
                .header("content-type", media_type)
                .body(body);
            assert_error(&app.engineer().send(request).await, status, reason, detail);
        }
    }
}

#[actix_web::test]
async fn a_body_other_than_the_signed_one_comes_from_nobody() {
    for app in apps().await {
        let sign = |method: &'static str, path: &str, signed: &str| {
            signed_header(&app, method, path, signed)
        };
        let batch = json!({"message": "m", "files": {"a": entry(b"x")}}).to_string();
        let path = format!("/file/sha512/{}", digest(b"x"));
        let post = sign("POST", "/upload", "something else");
        let answer = send(&app, Method::POST, "/upload", &post, &batch).await;
        let mut forbidden = error_body(403, "Forbidden", "no permission to upload public files");
        let told = json!("the payload hash does not match the body");
        forbidden["reason"] = told.clone();
        assert_eq!((answer.status, answer.json()), (403, forbidden));
        let patch = sign("PATCH", &path, "something else");
        let answer = send(&app, Method::PATCH, &path, &patch, "[]").await;
        let mut unauthorized = error_body(401, "Unauthorized", "Invalid user permissions");
        unauthorized["reason"] = told;
        assert_eq!((answer.status, answer.json()), (401, unauthorized));
        let post = sign("POST", "/upload", &batch);
        let answer = send(&app, Method::POST, "/upload", &post, &batch).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn signed_header(app: &App, method: &'static str, path: &str, body: &str) -> String {
    let credentials =
        releng_testkit::hawk_client::Credentials::new("demo/admin", "demo/admin-token");
    let url = reqwest::Url::parse(&format!("{}{path}", app.app.address())).unwrap();
    credentials
        .sign(method, &url)
        .payload("application/json", body.as_bytes())
        .unwrap()
        .header()
        .unwrap()
}

async fn send(app: &App, method: Method, path: &str, header: &str, body: &str) -> Answer {
    let client = app.anonymous();
    let request = client
        .request(method, path)
        .header("authorization", header)
        .header("content-type", "application/json")
        .body(body.to_owned());
    client.send(request).await
}

#[actix_web::test]
async fn a_batch_may_have_only_so_many_files() {
    for app in apps().await {
        let files: serde_json::Map<String, Value> =
            (0..1001).map(|n| (n.to_string(), entry(b"x"))).collect();
        let answer = app.announce(Value::Object(files)).await;
        assert_error(
            &answer,
            400,
            "Bad Request",
            "a batch must include at most 1000 files",
        );
    }
}
