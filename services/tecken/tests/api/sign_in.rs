// SPDX-License-Identifier: MPL-2.0
//! Signing in at a stand-in provider, and out.

use releng_common::Clock;
use releng_tecken::ops::{self, UserChange};
use releng_testkit::app::{Answer, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_oidc::{Algorithm, Config, FakeOidc, Fault};
use reqwest::Method;
use serde_json::json;

use crate::App;

const EMAIL: &str = "demo@example.com";

async fn start(backend: Backend, algorithm: Algorithm) -> (App, FakeOidc) {
    let provider = FakeOidc::start(Config {
        algorithm,
        ..Config::default()
    });
    let url = provider.url().to_owned();
    let config = Config::default();
    let mut builder = TestAppBuilder::new(backend)
        .set("DJANGO_OIDC_RP_CLIENT_ID", config.client_id)
        .set("DJANGO_OIDC_RP_CLIENT_SECRET", config.client_secret)
        .set("OIDC_OP_AUTHORIZATION_ENDPOINT", format!("{url}/authorize"))
        .set("OIDC_OP_TOKEN_ENDPOINT", format!("{url}/oauth/token"))
        .set("OIDC_OP_USER_ENDPOINT", format!("{url}/userinfo"));
    if algorithm == Algorithm::Rs256 {
        builder = builder
            .set("OIDC_RP_SIGN_ALGO", "RS256")
            .set("OIDC_OP_JWKS_ENDPOINT", format!("{url}/jwks"));
    }
    (App(builder.start().await), provider)
}

fn cookie(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

async fn get(app: &App, path: &str, cookie: &str) -> Answer {
    let client = app.anonymous();
    client
        .send(client.request(Method::GET, path).header("cookie", cookie))
        .await
}

/// Goes the way of a browser; returns the answer of the callback and the cookie of the way.
async fn walk(app: &App, next: &str) -> (Answer, String) {
    let begun = app
        .anonymous()
        .get(&format!("/oidc/authenticate/{next}"))
        .await;
    assert_eq!(begun.status, 302);
    let cookie = cookie(&begun);
    let at_provider = format!("{}&login_hint={EMAIL}", begun.header("location"));
    let back = app.anonymous().get(&at_provider).await;
    assert_eq!(back.status, 302, "{}", back.text());
    (get(app, back.header("location"), &cookie).await, cookie)
}

#[actix_web::test]
async fn who_signs_in_is_known_until_signing_out() {
    for backend in backends() {
        for algorithm in [Algorithm::Hs256, Algorithm::Rs256] {
            let (app, _provider) = start(backend, algorithm).await;
            let (answer, before) = walk(&app, "").await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (302, "/?signedin=true")
            );
            let header = answer.header("set-cookie");
            assert!(
                header.ends_with("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"),
                "{header}"
            );
            let session = cookie(&answer);
            assert_ne!(session, before);
            let who = get(&app, "/api/_auth/", &session).await.json();
            assert_eq!(who["user"]["email"], json!(EMAIL));
            assert_eq!(who["user"]["permissions"], json!([]));
            assert_eq!(
                get(&app, "/api/_auth/", &before).await.json()["user"],
                json!(null)
            );
            let page = get(&app, "/?signedin=true", &session).await.text();
            assert!(page.contains("You are signed in.") && page.contains(EMAIL));
            sign_out(&app, &session).await;
            assert_eq!(
                get(&app, "/api/_auth/", &session).await.json()["user"],
                json!(null)
            );
        }
    }
}

async fn sign_out(app: &App, session: &str) {
    let client = app.anonymous();
    let request = || {
        client
            .request(Method::POST, "/oidc/logout/")
            .header("cookie", session)
    };
    let foreign = client
        .send(request().header("origin", "https://evil.example.com"))
        .await;
    assert_eq!(
        (foreign.status, foreign.json()),
        (
            403,
            json!({
                "error": "CSRF verification failed: the request comes from another site.",
                "csrf_error": true,
            })
        )
    );
    assert_eq!(get(app, "/oidc/logout/", session).await.status, 405);
    let answer = client
        .send(request().header("origin", app.0.address()))
        .await;
    assert_eq!((answer.status, answer.header("location")), (302, "/"));
}

#[actix_web::test]
async fn a_departure_from_the_protocol_signs_nobody_in() {
    let faults = [
        Fault::AccessDenied,
        Fault::WrongNonce,
        Fault::NoNonce,
        Fault::WrongSignature,
        Fault::Unsigned,
        Fault::WrongIssuer,
        Fault::WrongAudience,
        Fault::Expired,
        Fault::NoIdToken,
        Fault::NoEmail,
    ];
    let (app, provider) = start(Backend::Sqlite, Algorithm::Hs256).await;
    for fault in faults {
        provider.set_fault(Some(fault));
        let (answer, cookie) = walk(&app, "").await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, "/?signin=failed"),
            "{fault:?}"
        );
        assert_eq!(
            get(&app, "/api/_auth/", &cookie).await.json()["user"],
            json!(null)
        );
    }
    provider.set_fault(Some(Fault::WrongState));
    let (answer, _) = walk(&app, "").await;
    let text = "the state of the sign-in does not match";
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": text}))
    );
    let bare = app.anonymous().get("/oidc/callback/?code=x&state=y").await;
    assert_eq!(
        (bare.status, bare.header("location")),
        (302, "/?signin=failed")
    );
}

#[actix_web::test]
async fn the_way_back_stays_on_this_host() {
    let (app, _provider) = start(Backend::Sqlite, Algorithm::Hs256).await;
    let (answer, _) = walk(&app, "?next=/uploads").await;
    assert_eq!(answer.header("location"), "/uploads");
    let (answer, _) = walk(&app, "?next=//evil.example.com/").await;
    assert_eq!(answer.header("location"), "/?signedin=true");
}

#[actix_web::test]
async fn whom_an_administrator_made_inactive_stays_out() {
    for backend in backends() {
        let (app, _provider) = start(backend, Algorithm::Hs256).await;
        let change = UserChange {
            is_inactive: true,
            ..UserChange::default()
        };
        ops::user_change(&app.db(), &Clock::system(), EMAIL, change)
            .await
            .unwrap();
        let (answer, _) = walk(&app, "").await;
        assert_eq!(answer.header("location"), "/?signin=failed");
        app.user(EMAIL, &[]).await;
        let (answer, _) = walk(&app, "").await;
        assert_eq!(answer.header("location"), "/?signedin=true");
    }
}

#[actix_web::test]
async fn without_a_provider_signing_in_fails() {
    let app = App::start(Backend::Sqlite).await;
    let answer = app.anonymous().get("/oidc/authenticate/").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, "/?signin=failed")
    );
}
