// SPDX-License-Identifier: MPL-2.0
//! Bearer tokens of RelengAPI, where an installation still honours them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel::RunQueryDsl as _;
use releng_testkit::app::Answer;
use releng_testkit::database::{Backend, backends};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{App, PREFIX, digest, entry};

const KEY: &[u8] = b"demo secret key";

/// Signs claims as itsdangerous does: a compact JWS with nothing but the algorithm in its header.
fn token(claims: &Value) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!(
        "{}.{}",
        part(br#"{"alg":"HS256"}"#),
        part(claims.to_string().as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, KEY);
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", part(tag.as_ref()))
}

fn builder(backend: Backend) -> releng_testkit::app::TestAppBuilder {
    App::builder(backend)
        .set("RELENGAPI_TOKENS", "true")
        .set("SECRET_KEY", STANDARD.encode(KEY))
}

/// Makes the table that RelengAPI left behind, with a row of each kind.
async fn fill_table(app: &App) {
    let url = app.app.database.url();
    let db = releng_db::Db::connect(url, 1, Duration::from_secs(5)).unwrap();
    let statements = [
        "CREATE TABLE relengapi_auth_tokens (id INTEGER PRIMARY KEY, typ VARCHAR(4) NOT NULL, \
         description TEXT NOT NULL, \"user\" TEXT, disabled BOOLEAN NOT NULL, _permissions TEXT NOT NULL)",
        "INSERT INTO relengapi_auth_tokens VALUES \
         (1, 'prm', 'demo', NULL, false, 'tooltool.upload.public,tooltool.download.internal'), \
         (2, 'usr', 'demo', 'demo@example.com', false, 'tooltool.manage,treestatus.admin'), \
         (3, 'usr', 'demo', 'gone@example.com', true, 'tooltool.manage')",
    ];
    for statement in statements {
        db.write(move |conn| Ok(diesel::sql_query(statement).execute(conn).map(|_| ())?))
            .await
            .unwrap();
    }
}

async fn send(app: &App, bearer: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let client = app.anonymous();
    let mut request = client
        .request(method, path)
        .header("authorization", format!("Bearer {bearer}"));
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    client.send(request).await
}

fn permanent(id: u32) -> String {
    token(&json!({"iss": "ra2", "typ": "prm", "jti": format!("t{id}")}))
}

fn of_user(id: u32) -> String {
    token(&json!({"iss": "ra2", "typ": "usr", "jti": format!("t{id}")}))
}

#[actix_web::test]
async fn tokens_with_a_row_may_do_what_the_row_says() {
    for backend in backends() {
        let app = App::started(builder(backend)).await;
        fill_table(&app).await;
        let batch = json!({"message": "m", "files": {"a": entry(b"x")}});
        let first_version = token(&json!({"v": 1, "id": 1}));
        for bearer in [permanent(1), first_version] {
            let answer = send(&app, &bearer, Method::POST, "/upload", Some(&batch)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.json()["result"]["author"], "token:prm:id=t1");
        }
        let file = format!("/file/sha512/{}", digest(b"x"));
        let answer = send(&app, &of_user(2), Method::PATCH, &file, Some(&json!([]))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let init = send(&app, &of_user(2), Method::GET, "/init", None)
            .await
            .json();
        assert_eq!(
            init["user"],
            json!({
                "type": "relengapi-token", "authenticated_email": "demo@example.com",
                "permissions": [{
                    "name": format!("{PREFIX}manage"),
                    "doc": "Manage tooltool files, including deleting and changing visibility levels",
                }],
            })
        );
        let who = send(&app, &of_user(2), Method::GET, "/__permissions__", None).await;
        assert_eq!(
            who.json()["user_id"],
            "token:usr:id=t2:user=demo@example.com"
        );
        // Disabled, of another type, unknown.
        for bearer in [of_user(3), permanent(2), of_user(1), permanent(9)] {
            let answer = send(&app, &bearer, Method::PATCH, &file, Some(&json!([]))).await;
            assert_eq!(answer.status, 401);
            let told = "Bearer error=\"invalid_token\", \
                        error_description=\"the token does not hold\"";
            assert_eq!(answer.header("www-authenticate"), told);
            assert_eq!(answer.json()["reason"], "the token does not hold");
        }
    }
}

#[actix_web::test]
async fn temporary_tokens_need_no_row_and_end() {
    for backend in backends() {
        let app = App::started(builder(backend)).await;
        let mut internal = entry(b"x");
        internal["visibility"] = json!("internal");
        app.upload("a", internal, b"x").await;
        let path = format!("/sha512/{}", digest(b"x"));
        let now = releng_common::Clock::system().now().timestamp();
        let temporary = |from: i64, to: i64, name: &str| {
            token(&json!({
                "iss": "ra2", "typ": "tmp", "nbf": from, "exp": to, "prm": [name], "mta": {},
            }))
        };
        let read = "tooltool.download.internal";
        for (bearer, status) in [
            (temporary(now - 60, now + 600, read), 302),
            (temporary(now - 60, now - 1, read), 403),
            (temporary(now + 600, now + 900, read), 403),
            (
                temporary(now - 60, now + 600, "tooltool.download.public"),
                403,
            ),
            (permanent(1), 403),
        ] {
            let answer = send(&app, &bearer, Method::GET, &path, None).await;
            assert_eq!(answer.status, status);
        }
    }
}

#[actix_web::test]
async fn without_the_switch_a_bearer_is_nobody() {
    let builder = App::builder(Backend::Sqlite).set("SECRET_KEY", STANDARD.encode(KEY));
    let app = App::started(builder).await;
    fill_table(&app).await;
    let who = send(&app, &permanent(1), Method::GET, "/init", None).await;
    assert_eq!(
        who.json()["user"],
        json!({"type": "anonymous", "permissions": []})
    );
}

#[actix_web::test]
async fn hawk_works_beside_tokens() {
    let app = App::started(builder(Backend::Sqlite)).await;
    let who = app.admin().get("/init").await.json();
    assert_eq!(who["user"]["type"], "taskcluster");
    assert_eq!(who["user"].get("authenticated_email"), None);
}
