// SPDX-License-Identifier: MPL-2.0
//! The sign-in of web applications with Taskcluster.

use releng_testkit::fake_taskcluster::{Account, Application, Config, FakeTaskcluster};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use serde_json::{Value, json};

use crate::{http, redirected};

const BACK: &str = "http://127.0.0.1:8000/static/login.html";

fn deployment() -> FakeTaskcluster {
    FakeTaskcluster::start(Config {
        accounts: vec![
            Account::new("Demo <sheriff>", "demo/sheriff", &["tree:close"]),
            Account::new("Demo viewer", "demo/viewer", &[]),
        ],
        ..Config::default()
    })
}

async fn authorize(deployment: &FakeTaskcluster, extra: &[(&str, &str)]) -> reqwest::Response {
    let url = format!("{}/login/oauth/authorize", deployment.url());
    let query = [
        ("client_id", "demo-application"),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "tree:*"),
        ("state", "s1"),
        ("expires", "1 week"),
    ];
    http()
        .get(url)
        .query(&query)
        .query(extra)
        .send()
        .await
        .unwrap()
}

async fn redeem(deployment: &FakeTaskcluster, members: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/login/oauth/token", deployment.url());
    let response = http().post(url).form(members).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn code(deployment: &FakeTaskcluster, extra: &[(&str, &str)]) -> String {
    let mut query = vec![("login_hint", "demo/sheriff")];
    query.extend(extra);
    let mut answer = redirected(&authorize(deployment, &query).await);
    assert_eq!(answer["state"], "s1");
    answer.remove("code").unwrap()
}

fn invalid_grant(description: &str) -> (u16, Value) {
    (
        400,
        json!({"error": "invalid_grant", "error_description": description}),
    )
}

#[tokio::test]
async fn the_page_offers_each_account() {
    let response = authorize(&deployment(), &[]).await;
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();
    assert!(page.contains("Demo &lt;sheriff&gt;</a>"), "{page}");
    let link = "?client_id=demo-application&amp;redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Fstatic\
                %2Flogin.html&amp;response_type=code&amp;scope=tree%3A*&amp;state=s1\
                &amp;expires=1+week&amp;login_hint=demo%2Fviewer";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
}

#[tokio::test]
async fn a_sign_in_ends_with_credentials_that_sign() {
    let deployment = deployment();
    let code = code(&deployment, &[]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", BACK),
    ];
    let (status, body) = redeem(&deployment, &form).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    let credentials: Value = http()
        .get(format!("{}/login/oauth/credentials", deployment.url()))
        .bearer_auth(body["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(credentials["expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(credentials["credentials"]["clientId"], "demo/sheriff");
    let key = credentials["credentials"]["accessToken"].as_str().unwrap();
    let url = format!("{}/api/auth/v1/scopes/current", deployment.url());
    let request = http()
        .get(url)
        .hawk(&Credentials::new("demo/sheriff", key))
        .unwrap();
    let scopes: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        scopes,
        json!({"scopes": ["assume:anonymous", "assume:client-id:demo/sheriff", "tree:close"]})
    );
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_return_address() {
    let deployment = deployment();
    let mut form = vec![("grant_type", "authorization_code"), ("redirect_uri", BACK)];
    let first = code(&deployment, &[]).await;
    form.push(("code", &first));
    assert_eq!(redeem(&deployment, &form).await.0, 200);
    let used = invalid_grant("unknown, used or expired code");
    assert_eq!(redeem(&deployment, &form).await, used);
    let second = code(&deployment, &[]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", second.as_str()),
        ("redirect_uri", "http://127.0.0.1:8000/elsewhere"),
    ];
    let differs = invalid_grant("redirect_uri differs from that of the code");
    assert_eq!(redeem(&deployment, &form).await, differs);
}

#[tokio::test]
async fn a_code_with_a_challenge_needs_its_verifier() {
    let deployment = deployment();
    let challenge = [
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    for (verifier, status) in [
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 200),
        ("another", 400),
        ("", 400),
    ] {
        let code = code(&deployment, &challenge).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("code_verifier", verifier),
        ];
        assert_eq!(redeem(&deployment, &form).await.0, status, "{verifier}");
    }
}

#[tokio::test]
async fn what_cannot_be_granted_goes_back_as_an_error() {
    let deployment = deployment();
    let answer = redirected(&authorize(&deployment, &[("login_hint", "demo/who")]).await);
    assert_eq!(
        (&*answer["error"], &*answer["state"]),
        ("access_denied", "s1")
    );
    let challenge = [("code_challenge", "x"), ("code_challenge_method", "S512")];
    let answer = redirected(&authorize(&deployment, &challenge).await);
    assert_eq!(answer["error"], "invalid_request");
}

#[tokio::test]
async fn nobody_is_sent_to_a_stranger() {
    let deployment = deployment();
    let url = format!("{}/login/oauth/authorize", deployment.url());
    for query in [
        [("client_id", "x"), ("redirect_uri", "https://example.com/")],
        [("client_id", ""), ("redirect_uri", BACK)],
    ] {
        assert_eq!(
            http()
                .get(&url)
                .query(&query)
                .send()
                .await
                .unwrap()
                .status(),
            400
        );
    }
    let registered = FakeTaskcluster::start(Config {
        applications: vec![Application {
            client_id: "demo-application".to_owned(),
            redirect_uris: vec!["http://127.0.0.1:8000/other".to_owned()],
        }],
        ..Config::default()
    });
    assert_eq!(authorize(&registered, &[]).await.status(), 400);
}

#[tokio::test]
async fn an_unknown_token_yields_no_credentials() {
    let deployment = deployment();
    let url = format!("{}/login/oauth/credentials", deployment.url());
    let response = http().get(url).bearer_auth("made-up").send().await.unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "code": "InputError",
            "message": "Could not generate credentials for this access token",
        })
    );
}
