// SPDX-License-Identifier: MPL-2.0
//! The checklist of corner cases that the contract of the service ends with, one row each.

use releng_testkit::app::{Answer, Client};
use releng_testkit::database::{Backend, backends};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{App, digest, entry};

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Who {
    Anonymous,
    /// Upload and download of public files.
    Public,
    /// Upload and download of all files.
    Engineer,
    Admin,
    /// A header that is no signature.
    Broken,
}

/// One case: what it is about, who asks for what, the status, and members of the answer.
struct Row {
    case: &'static str,
    who: Who,
    method: &'static str,
    path: String,
    body: Value,
    status: u16,
    tells: Value,
}

fn get(case: &'static str, who: Who, path: impl Into<String>, status: u16, tells: Value) -> Row {
    Row {
        case,
        who,
        method: "GET",
        path: path.into(),
        body: Value::Null,
        status,
        tells,
    }
}

/// Announces `files` with a message.
fn post(case: &'static str, message: &str, files: Value, status: u16, tells: Value) -> Row {
    Row {
        method: "POST",
        body: json!({"message": message, "files": files}),
        ..get(case, Who::Engineer, "/upload", status, tells)
    }
}

fn says(detail: &str) -> Value {
    json!({"detail": detail})
}

async fn ask(app: &App, row: &Row) -> Answer {
    let client: Client = match row.who {
        Who::Anonymous | Who::Broken => app.anonymous(),
        Who::Public => app.public(),
        Who::Engineer => app.engineer(),
        Who::Admin => app.admin(),
    };
    let method = Method::from_bytes(row.method.as_bytes()).unwrap();
    let mut request = client.request(method, &row.path);
    if matches!(row.who, Who::Broken) {
        request = request.header("authorization", "Hawk id=\"demo/admin\", mac=\"broken\"");
    }
    if !row.body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(row.body.to_string());
    }
    client.send(request).await
}

/// Tells whether every member of `part` stands in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| contains(whole, part))),
        (whole, part) => whole == part,
    }
}

async fn check(app: &App, rows: Vec<Row>) {
    for row in rows {
        let answer = ask(app, &row).await;
        let line = format!(
            "{}: {} {} as {:?}: {}",
            row.case,
            row.method,
            row.path,
            row.who,
            answer.text()
        );
        assert_eq!(answer.status, row.status, "{line}");
        if !row.tells.is_null() {
            assert!(contains(&answer.json(), &row.tells), "{line}");
        }
    }
}

const INVALID: &str = "Invalid sha512 digest";
const SETTLED: &str = "Cannot change already existing file's visibility level.";

/// Digests that are none, as they stand in a path and as they stand in a body.
fn no_digests() -> Vec<(String, String)> {
    let good = digest(b"p");
    let same = |text: String| (text.clone(), text);
    vec![
        same(good.to_uppercase()),
        same(good[1..].to_owned()),
        same(format!("{good}0")),
        same(format!("{}g", &good[1..])),
        (format!("{good}%0A"), format!("{good}\n")),
    ]
}

fn malformed_digests() -> Vec<Row> {
    let mut rows = Vec::new();
    for (in_path, in_body) in no_digests() {
        for place in ["/sha512/", "/file/sha512/", "/upload/complete/sha512/"] {
            let path = format!("{place}{in_path}");
            let case = "digest that is none";
            rows.push(get(case, Who::Anonymous, path, 400, says(INVALID)));
        }
        rows.push(Row {
            method: "PATCH",
            body: json!([]),
            ..get(
                "digest that is none",
                Who::Admin,
                format!("/file/sha512/{in_path}"),
                400,
                says(INVALID),
            )
        });
        let mut file = entry(b"p");
        file["digest"] = json!(in_body);
        let files = json!({"a": file});
        rows.push(post("digest that is none", "m", files, 400, says(INVALID)));
    }
    rows
}

fn unknown_and_announced() -> Vec<Row> {
    let (unknown, announced) = ("0".repeat(128), digest(b"n"));
    let anonymous = Who::Anonymous;
    vec![
        get(
            "unknown",
            anonymous,
            format!("/sha512/{unknown}"),
            404,
            Value::Null,
        ),
        get(
            "unknown",
            anonymous,
            format!("/file/sha512/{unknown}"),
            404,
            Value::Null,
        ),
        get(
            "unknown",
            anonymous,
            format!("/upload/complete/sha512/{unknown}"),
            202,
            json!({}),
        ),
        Row {
            method: "PATCH",
            body: json!([]),
            ..get(
                "unknown",
                Who::Admin,
                format!("/file/sha512/{unknown}"),
                404,
                Value::Null,
            )
        },
        get(
            "announced, never uploaded",
            anonymous,
            format!("/file/sha512/{announced}"),
            200,
            json!({"has_instances": false, "instances": []}),
        ),
        get(
            "announced, never uploaded",
            anonymous,
            format!("/sha512/{announced}"),
            404,
            Value::Null,
        ),
    ]
}

fn downloads() -> Vec<Row> {
    let (public, internal) = (
        format!("/sha512/{}", digest(b"p")),
        format!("/sha512/{}", digest(b"i")),
    );
    let none = Value::Null;
    vec![
        get("internal", Who::Anonymous, &internal, 403, none.clone()),
        get("internal", Who::Public, &internal, 403, none.clone()),
        get("internal", Who::Broken, &internal, 403, none.clone()),
        get("internal", Who::Engineer, &internal, 302, none.clone()),
        get("public", Who::Anonymous, &public, 302, none.clone()),
        get(
            "public, broken credentials",
            Who::Broken,
            &public,
            302,
            none.clone(),
        ),
        Row {
            method: "HEAD",
            ..get(
                "HEAD on download",
                Who::Anonymous,
                &public,
                302,
                none.clone(),
            )
        },
        get(
            "region unknown",
            Who::Anonymous,
            format!("{public}?region=nowhere"),
            302,
            none,
        ),
    ]
}

fn batches() -> Vec<Row> {
    let with = |bytes: &[u8], member: &str, value: Value| {
        let mut file = entry(bytes);
        file[member] = value;
        json!({"a": file})
    };
    let sized = |value: Value| with(b"size", "size", value);
    let has_url = json!({"result": {"files": {"a": {"size": 3_000_000_000_u64}}}});
    let twice = json!({"a": entry(b"2"), "b": entry(b"2")});
    vec![
        post(
            "same digest, other visibility",
            "m",
            with(b"p", "visibility", json!("internal")),
            400,
            says(SETTLED),
        ),
        post(
            "same digest, other size",
            "m",
            with(b"p", "size", json!(7)),
            400,
            says("Size mismatch for a"),
        ),
        post(
            "same digest again",
            "m",
            json!({"again": entry(b"p")}),
            200,
            Value::Null,
        ),
        post("same digest, two names", "m", twice, 200, Value::Null),
        post(
            "size 3 000 000 000",
            "m",
            sized(json!(3_000_000_000_u64)),
            200,
            has_url,
        ),
        post(
            "size 2^40",
            "m",
            sized(json!(1_u64 << 40)),
            200,
            Value::Null,
        ),
        post("size -1", "m", sized(json!(-1)), 400, Value::Null),
        post("size 1.5", "m", sized(json!(1.5)), 400, Value::Null),
        post("size \"5\"", "m", sized(json!("5")), 400, Value::Null),
        post(
            "size 2^63",
            "m",
            sized(json!(1_u64 << 63)),
            400,
            Value::Null,
        ),
        post(
            "message empty",
            "",
            json!({"a": entry(b"m")}),
            400,
            says("message must be non-empty"),
        ),
        post(
            "message of blanks",
            "  ",
            json!({"a": entry(b"m")}),
            200,
            Value::Null,
        ),
        post(
            "unicode",
            "Bug 1: grüße 🦊",
            json!({"grüße 🦊.tar": entry(b"u")}),
            200,
            json!({"result": {
                "message": "Bug 1: grüße 🦊",
                "files": {"grüße 🦊.tar": {"digest": digest(b"u")}},
            }}),
        ),
        post(
            "NUL in message",
            "a\0b",
            json!({"a": entry(b"m")}),
            400,
            Value::Null,
        ),
        post(
            "NUL in filename",
            "m",
            json!({"a\0": entry(b"m")}),
            400,
            Value::Null,
        ),
    ]
}

fn searches() -> Vec<Row> {
    let anonymous = Who::Anonymous;
    let mut rows = Vec::new();
    for path in ["/upload", "/file"] {
        rows.push(get(
            "q absent",
            anonymous,
            path,
            400,
            says("Missing query parameter 'q'"),
        ));
        rows.push(get(
            "q empty",
            anonymous,
            format!("{path}?q="),
            200,
            Value::Null,
        ));
        rows.push(get(
            "NUL in q",
            anonymous,
            format!("{path}?q=a%00"),
            400,
            Value::Null,
        ));
    }
    for path in ["/upload/", "/file/", "/sha512/", "/init/"] {
        rows.push(get("trailing slash", anonymous, path, 404, Value::Null));
    }
    rows.push(post(
        "unicode is found",
        "m",
        json!({"a": entry(b"p")}),
        200,
        Value::Null,
    ));
    rows
}

#[actix_web::test]
async fn every_row_of_the_checklist_holds() {
    for backend in backends() {
        let app = App::start(backend).await;
        let mut internal = entry(b"i");
        internal["visibility"] = json!("internal");
        app.upload("p", entry(b"p"), b"p").await;
        app.upload("i", internal, b"i").await;
        app.announce_one("n", entry(b"n")).await.unwrap();
        for rows in [
            malformed_digests(),
            unknown_and_announced(),
            downloads(),
            batches(),
            searches(),
        ] {
            check(&app, rows).await;
        }
        // An existing file stays as it was, whatever was refused.
        let kept = json!({"visibility": "public", "size": 1, "has_instances": true});
        assert!(contains(&app.file(&digest(b"p")).await, &kept));
        let again = app.announce(json!({"p": entry(b"p")})).await.json();
        assert_eq!(again["result"]["files"]["p"].get("put_url"), None);
        let found = app.anonymous().get("/file?q=gr%C3%BC%C3%9Fe").await.json();
        assert_eq!(found["result"][0]["digest"], digest(b"u"));
    }
}

#[actix_web::test]
async fn what_was_sent_and_not_verified_cannot_be_downloaded() {
    let builder = App::builder(Backend::Sqlite).set("UPLOAD_EXPIRES_IN", "600");
    let app = App::started(builder).await;
    app.send("a", entry(b"x"), b"x").await;
    let rows = vec![
        get(
            "uploaded, not yet verified",
            Who::Engineer,
            format!("/sha512/{}", digest(b"x")),
            404,
            Value::Null,
        ),
        post(
            "same digest, other visibility, while a URL lives",
            "m",
            json!({"a": {"size": 1, "digest": digest(b"x"), "algorithm": "sha512", "visibility": "internal"}}),
            400,
            says(SETTLED),
        ),
    ];
    check(&app, rows).await;
}

#[actix_web::test]
async fn where_anonymous_downloads_are_off_public_files_need_their_scope() {
    let builder = App::builder(Backend::Sqlite).set("ALLOW_ANONYMOUS_PUBLIC_DOWNLOAD", "false");
    let app = App::started(builder).await;
    app.upload("p", entry(b"p"), b"p").await;
    let row = |who, status| {
        let path = format!("/sha512/{}", digest(b"p"));
        get("anonymous downloads off", who, path, status, Value::Null)
    };
    let rows = vec![
        row(Who::Anonymous, 403),
        row(Who::Broken, 403),
        row(Who::Public, 302),
    ];
    check(&app, rows).await;
}
