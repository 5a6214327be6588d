// SPDX-License-Identifier: MPL-2.0
//! Whatever somebody sends: the answer is an error that names the rule, and never one of our own.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use releng_testkit::app::Answer;
use releng_testkit::database::{Backend, backends};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{App, apps, digest, entry};

/// Values of every type and of unpleasant sizes.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(-0.0),
        json!(1e300),
        json!(9_223_372_036_854_775_807_i64),
        json!(9_223_372_036_854_775_808_u64),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("5"),
        json!("\0"),
        json!("\u{202e}\u{feff}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([[["x"]]]),
        json!({}),
        json!({"a": {"b": null}}),
    ]
}

/// Asserts the form that all errors have; returns the sentence.
fn sentence(answer: &Answer, about: &str) -> String {
    assert!(
        (400..500).contains(&answer.status),
        "{about}: {} {}",
        answer.status,
        answer.text()
    );
    assert_eq!(answer.header("content-type"), "application/json", "{about}");
    let body = answer.json();
    let detail = body["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty() && detail.len() < 2000, "{about}");
    assert_eq!(body["status"], answer.status, "{about}");
    assert_eq!(body["error"]["description"], detail, "{about}");
    detail
}

#[actix_web::test]
async fn every_member_of_a_batch_with_every_wrong_value_is_named() {
    for app in apps().await {
        for member in ["size", "digest", "algorithm", "visibility"] {
            for value in values() {
                let mut file = entry(b"x");
                file[member] = value.clone();
                let answer = app.announce(json!({"a": file})).await;
                let about = format!("{member} = {}", shortened(&value));
                if answer.status == 200 {
                    // The only value of the list that fits.
                    assert_eq!(member, "size", "{about}");
                    assert!(value.as_i64().is_some_and(|n| n >= 0), "{about}");
                    continue;
                }
                let detail = sentence(&answer, &about);
                let known = [
                    "Invalid sha512 digest",
                    "`sha512` is the only allowed digest algorithm",
                ];
                let is_named = detail.ends_with(&format!("'files.a.{member}'"));
                assert!(
                    is_named || known.contains(&detail.as_str()),
                    "{about}: {detail}"
                );
            }
        }
        for (member, value) in ["message", "files", "author"]
            .iter()
            .flat_map(|member| values().into_iter().map(move |value| (member, value)))
        {
            let mut body = json!({"message": "m", "files": {"a": entry(b"x")}});
            body[*member] = value.clone();
            let answer = app.engineer().json("POST", "/upload", &body).await;
            let about = format!("{member} = {}", shortened(&value));
            let is_message =
                *member == "message" && value.as_str().is_some_and(|s| !s.is_empty() && s != "\0");
            if is_message {
                assert_eq!(answer.status, 200, "{about}: {}", answer.text());
            } else {
                sentence(&answer, &about);
            }
        }
    }
}

#[actix_web::test]
async fn every_entry_and_filename_that_cannot_be_is_refused() {
    for app in apps().await {
        for value in values() {
            let answer = app.announce(json!({"a": value.clone()})).await;
            let detail = sentence(&answer, &shortened(&value));
            assert!(detail.contains("files.a"), "{detail}");
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\0",
            "a\n",
            "\u{85}",
            &"x".repeat(256),
        ] {
            let answer = app.announce(json!({name: entry(b"x")})).await;
            let detail = sentence(&answer, name);
            assert!(detail.contains("filename"), "{detail}");
        }
        for body in values() {
            let answer = app.engineer().json("POST", "/upload", &body).await;
            sentence(&answer, &shortened(&body));
        }
    }
}

#[actix_web::test]
async fn every_wrong_operation_is_refused_and_changes_nothing() {
    for app in apps().await {
        app.announce_one("a", entry(b"x")).await.unwrap();
        let before = app.file(&digest(b"x")).await;
        let path = format!("/file/sha512/{}", digest(b"x"));
        let mut bodies = Vec::new();
        for value in values() {
            bodies.push(json!([{"op": value.clone()}]));
            bodies.push(json!([{"op": "set_visibility", "visibility": value.clone()}]));
            bodies.push(json!([{"op": "set_visibility", "visibility": "internal"}, value.clone()]));
            if value != json!([]) {
                bodies.push(value);
            }
        }
        for body in bodies {
            let answer = app.admin().json("PATCH", &path, &body).await;
            sentence(&answer, &shortened(&body));
        }
        assert_eq!(app.file(&digest(b"x")).await, before);
    }
}

#[actix_web::test]
async fn texts_that_are_no_json_are_refused_on_both_routes() {
    for app in apps().await {
        let path = format!("/file/sha512/{}", digest(b"x"));
        let bodies: [(&str, Vec<u8>); 8] = [
            ("nothing", Vec::new()),
            ("a bracket", b"{".to_vec()),
            ("invalid UTF-8", b"{\"message\": \"\xff\xfe\"}".to_vec()),
            ("NaN", br#"{"message": NaN}"#.to_vec()),
            ("deep lists", "[".repeat(500_000).into_bytes()),
            ("deep objects", r#"{"a":"#.repeat(100_000).into_bytes()),
            ("two values", b"{} {}".to_vec()),
            (
                "UTF-16",
                "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ),
        ];
        for (about, body) in bodies {
            for (method, path) in [(Method::POST, "/upload"), (Method::PATCH, path.as_str())] {
                let client = app.admin();
                let request = client
                    .request(method, path)
                    .header("content-type", "application/json")
                    .body(body.clone());
                let answer = client.send(request).await;
                assert_eq!(sentence(&answer, about), "Request body is not valid JSON");
            }
        }
    }
}

/// Sends a text as the body of an announcement.
async fn announce_text(app: &App, body: String) -> Answer {
    let client = app.engineer();
    let request = client
        .request(Method::POST, "/upload")
        .header("content-type", "application/json")
        .body(body);
    client.send(request).await
}

/// Python's `json` reads all of these.
#[actix_web::test]
async fn json_that_cannot_be_stored_is_named() {
    let huge = format!("1{}", "0".repeat(400));
    for app in apps().await {
        for (member, value, rule) in [
            (
                "size",
                "18446744073709551616",
                "1.8446744073709552e+19 does not fit into 64 bits",
            ),
            ("size", "1e300", "1e+300 does not fit into 64 bits"),
            ("size", &huge, "a number is out of range"),
            ("note", &huge, "a number is out of range"),
            (
                "size",
                "9223372036854775808",
                "9223372036854775808 is greater than the maximum of 9223372036854775807",
            ),
            (
                "digest",
                r#""\ud800""#,
                "a text must not contain half a surrogate pair",
            ),
            (
                "visibility",
                r#""\udc00""#,
                "a text must not contain half a surrogate pair",
            ),
        ] {
            let (digest, size) = (digest(b"x"), "1");
            let body = format!(
                r#"{{"message": "m", "files": {{"a": {{"size": {size}, "digest": "{digest}",
                "algorithm": "sha512", "visibility": "public", "{member}": {value}}}}}}}"#
            );
            let answer = announce_text(&app, body).await;
            let detail = sentence(&answer, value);
            assert_eq!(detail, format!("{rule} - 'files.a.{member}'"));
        }
        for (body, place) in [
            (r#"{"message": "\ud83d", "files": {}}"#, "message"),
            (r#"{"message": "m", "files": {"\ud83d": {}}}"#, "files"),
        ] {
            let detail = sentence(&announce_text(&app, body.to_owned()).await, place);
            let rule = "a text must not contain half a surrogate pair";
            assert_eq!(detail, format!("{rule} - '{place}'"));
        }
    }
}

#[actix_web::test]
async fn of_repeated_members_the_last_counts_as_in_python() {
    for app in apps().await {
        let file = |bytes: &[u8]| entry(bytes).to_string();
        let (one, two) = (file(b"1"), file(b"22"));
        let body = format!(
            r#"{{"message": 5, "message": "m", "files": {{}}, "files": {{"a": {one}, "a": {two}}}}}"#
        );
        let answer = announce_text(&app, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let result = &answer.json()["result"];
        assert_eq!(result["message"], "m");
        assert_eq!(result["files"]["a"]["digest"], digest(b"22"));
        assert_eq!(
            app.anonymous()
                .get(&format!("/file/sha512/{}", digest(b"1")))
                .await
                .status,
            404
        );
    }
}

#[actix_web::test]
async fn a_body_of_a_hundred_megabytes_is_refused_before_it_is_read() {
    let app = App::start(Backend::Sqlite).await;
    let address = app.app.address().strip_prefix("http://").unwrap();
    for head in ["content-length: 104857600", "transfer-encoding: chunked"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST /upload HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\n{head}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let sending = tokio::spawn(async move {
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            // Ends when the service closes the connection, or when all is sent.
            for _ in 0..1600 {
                if writer.write_all(&chunk).await.is_err() {
                    break;
                }
            }
        });
        let mut answer = Vec::new();
        // The service may cut the rest of the body off: what came before counts.
        let _ = reader.read_to_end(&mut answer).await;
        sending.await.unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.starts_with("HTTP/1.1 413 "), "{head}: {text}");
        assert!(
            text.contains("\"detail\":\"the body is larger than 1048576 bytes\""),
            "{text}"
        );
    }
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_is_408_in_the_form_of_the_service() {
    let builder = App::builder(Backend::Sqlite).set("BODY_TIMEOUT_SECONDS", "1");
    let app = App::started(builder).await;
    let address = app.app.address().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /upload HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"message\":"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
    assert!(
        head.to_ascii_lowercase()
            .contains("\r\nx-frame-options: sameorigin"),
        "{head}"
    );
    let body: Value = serde_json::from_str(body).unwrap();
    let text = "408 Request Timeout: the body took too long to arrive";
    assert_eq!(
        (&body["title"], &body["error"]["name"]),
        (&json!(text), &json!(text))
    );
}

#[actix_web::test]
async fn strange_paths_queries_and_headers_are_no_error_of_ours() {
    for app in apps().await {
        let strange = [
            "%",
            "%zz",
            "%00",
            "%ff",
            "%c3%28",
            "..%2f",
            "%2e%2e",
            "a%20b",
            "%F0%9F%A6%8A",
            "é",
            "a+b",
            "-1",
            "99999999999999999999999",
            "%252e",
            ";",
            "a:b",
            "//",
            "*",
        ];
        for text in strange {
            for path in [
                format!("/sha512/{text}"),
                format!("/file/sha512/{text}"),
                format!("/upload/complete/sha512/{text}"),
                format!("/upload/{text}"),
                format!("/static/{text}"),
                format!("/__store__/{text}"),
                format!("/{text}"),
                format!("/upload?q={text}"),
                format!("/file?q={text}&limit={text}&offset={text}"),
                format!("/static/index.html?q={text}"),
                format!("/static/file.html?digest={text}"),
                format!("/init?bewit={text}"),
            ] {
                let answer = app.anonymous().get(&path).await;
                assert!(answer.status < 500, "{path}: {}", answer.text());
            }
        }
        for header in [
            "Hawk",
            "Hawk ",
            "Hawk x",
            "Hawk id=",
            "Hawk id=\"\"",
            "Hawk id=\"a\", ts=\"-1\", nonce=\"\", mac=\"\"",
            "Hawk id=\"demo/admin\", ts=\"99999999999999999999\", nonce=\"n\", mac=\"AAAA\"",
            "Bearer ",
            "Bearer a.b.c",
            "Basic x",
        ] {
            let client = app.anonymous();
            let path = format!("/file/sha512/{}", digest(b"x"));
            let request = client
                .request(Method::PATCH, &path)
                .header("authorization", header)
                .header("content-type", "application/json")
                .body("[]");
            let answer = client.send(request).await;
            assert_eq!(answer.status, 401, "{header}: {}", answer.text());
        }
    }
}

/// Any JSON, with the names and texts of real requests in it more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("message".to_owned()),
        Just("files".to_owned()),
        Just("author".to_owned()),
        Just("size".to_owned()),
        Just("digest".to_owned()),
        Just("algorithm".to_owned()),
        Just("visibility".to_owned()),
        Just("op".to_owned()),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("sha512")),
        Just(json!("public")),
        Just(json!("set_visibility")),
        Just(json!("delete_instances")),
        Just(json!(digest(b"x"))),
        Just(entry(b"x")),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Generated bodies: some near a real one, some not JSON at all.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let near = (any_json(), any_json(), any::<String>()).prop_map(|(message, file, name)| {
        json!({"message": message, "files": {name: file}})
            .to_string()
            .into_bytes()
    });
    prop_oneof![
        any_json().prop_map(|json| json.to_string().into_bytes()),
        near,
        any_json().prop_map(|json| json!([json]).to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

#[actix_web::test]
async fn no_generated_body_is_an_error_of_ours() {
    for backend in backends() {
        let app = App::start(backend).await;
        app.announce_one("a", entry(b"x")).await.unwrap();
        let path = format!("/file/sha512/{}", digest(b"x"));
        let mut runner = TestRunner::new(Config::default());
        for _ in 0..300 {
            let body = any_body().new_tree(&mut runner).unwrap().current();
            for (method, path) in [(Method::POST, "/upload"), (Method::PATCH, path.as_str())] {
                let client = app.admin();
                let request = client
                    .request(method, path)
                    .header("content-type", "application/json")
                    .body(body.clone());
                let answer = client.send(request).await;
                if answer.status != 200 {
                    sentence(&answer, &String::from_utf8_lossy(&body));
                }
            }
        }
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
