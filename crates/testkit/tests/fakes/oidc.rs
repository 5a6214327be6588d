// SPDX-License-Identifier: MPL-2.0
//! The OpenID provider when it tells the truth.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use releng_testkit::fake_oidc::{Account, Algorithm, Config, FakeOidc};
use serde_json::{Value, json};

use crate::{http, redirected};

pub const BACK: &str = "http://127.0.0.1:8000/oidc/callback/";
pub const SECRET: &str = "demo-secret-of-the-stand-in-provider";

pub async fn authorize(provider: &FakeOidc, extra: &[(&str, &str)]) -> reqwest::Response {
    let query = [
        ("response_type", "code"),
        ("scope", "openid email"),
        ("client_id", "demo-client"),
        ("redirect_uri", BACK),
        ("state", "s1"),
        ("nonce", "n1"),
    ];
    let url = format!("{}/authorize", provider.url());
    http()
        .get(url)
        .query(&query)
        .query(extra)
        .send()
        .await
        .unwrap()
}

pub async fn code(provider: &FakeOidc, email: &str) -> String {
    redirected(&authorize(provider, &[("login_hint", email)]).await)
        .remove("code")
        .unwrap()
}

pub async fn token(provider: &FakeOidc, members: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/oauth/token", provider.url());
    let response = http().post(url).form(members).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("client_id", "demo-client"),
        ("client_secret", SECRET),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
    ]
}

pub async fn sign_in(provider: &FakeOidc, email: &str) -> Value {
    let code = code(provider, email).await;
    let (status, body) = token(provider, &redemption(&code)).await;
    assert_eq!(status, 200, "{body}");
    body
}

pub async fn get(url: String, token: &str) -> (u16, Value) {
    let response = http().get(url).bearer_auth(token).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn check(
    token: &str,
    key: &DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
    issuer: &str,
) -> Value {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["demo-client"]);
    validation.set_issuer(&[issuer]);
    decode::<Value>(token, key, &validation).unwrap().claims
}

#[tokio::test]
async fn discovery_names_the_places() {
    let provider = FakeOidc::start(Config::default());
    let url = provider.url();
    let path = format!("{url}/.well-known/openid-configuration");
    let body: Value = http().get(path).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/oauth/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["S256", "plain"],
            "claims_supported":
                ["iss", "sub", "aud", "exp", "iat", "nonce", "email", "email_verified"],
        })
    );
}

#[tokio::test]
async fn the_page_offers_each_account() {
    let provider = FakeOidc::start(Config::default());
    let response = authorize(&provider, &[]).await;
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();
    assert!(
        page.contains("login_hint=demo%40example.com\">demo@example.com</a>"),
        "{page}"
    );
    assert!(page.contains("nonce=n1"), "{page}");
}

#[tokio::test]
async fn a_sign_in_yields_a_token_signed_with_the_secret() {
    let provider = FakeOidc::start(Config::default());
    let answer = redirected(&authorize(&provider, &[("login_hint", "Demo@Example.com")]).await);
    assert_eq!(answer["state"], "s1");
    let (status, body) = token(&provider, &redemption(&answer["code"])).await;
    assert_eq!(
        (status, &body["token_type"], &body["expires_in"]),
        (200, &json!("Bearer"), &json!(86400))
    );
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let id_token = body["id_token"].as_str().unwrap();
    let claims = check(
        id_token,
        &key,
        jsonwebtoken::Algorithm::HS256,
        provider.url(),
    );
    assert_eq!(
        (
            &claims["email"],
            &claims["email_verified"],
            &claims["nonce"]
        ),
        (&json!("demo@example.com"), &json!(true), &json!("n1"))
    );
    let url = format!("{}/userinfo", provider.url());
    let (status, info) = get(url, body["access_token"].as_str().unwrap()).await;
    assert_eq!(
        (status, info),
        (
            200,
            json!({
                "sub": claims["sub"],
                "email": "demo@example.com",
                "email_verified": true,
                "name": "demo@example.com",
            })
        )
    );
}

#[tokio::test]
async fn under_rs256_the_published_key_checks_the_token() {
    let config = Config {
        algorithm: Algorithm::Rs256,
        ..Config::default()
    };
    let provider = FakeOidc::start(config);
    let body = sign_in(&provider, "demo@example.com").await;
    let id_token = body["id_token"].as_str().unwrap();
    let kid = decode_header(id_token).unwrap().kid.unwrap();
    for path in ["/jwks", "/.well-known/jwks.json"] {
        let url = format!("{}{path}", provider.url());
        let keys: JwkSet = http().get(url).send().await.unwrap().json().await.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        check(
            id_token,
            &key,
            jsonwebtoken::Algorithm::RS256,
            provider.url(),
        );
    }
}

#[tokio::test]
async fn the_secret_may_come_in_the_header() {
    let provider = FakeOidc::start(Config::default());
    let code = code(&provider, "demo@example.com").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", BACK),
    ];
    let request = http().post(format!("{}/oauth/token", provider.url()));
    let response = request
        .basic_auth("demo-client", Some(SECRET))
        .form(&form)
        .send()
        .await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn only_the_right_service_redeems_a_code_once_at_its_address() {
    let provider = FakeOidc::start(Config::default());
    let code = code(&provider, "demo@example.com").await;
    let with = |name: &str, value: &'static str| {
        let mut form = redemption(&code);
        form.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value;
        form
    };
    for (name, value, status, error) in [
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_id", "wrong", 401, "invalid_client"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("code", "wrong", 400, "invalid_grant"),
    ] {
        let (answered, body) = token(&provider, &with(name, value)).await;
        assert_eq!(
            (answered, &body["error"]),
            (status, &json!(error)),
            "{name}"
        );
    }
    assert_eq!(token(&provider, &redemption(&code)).await.0, 200);
    assert_eq!(
        token(&provider, &redemption(&code)).await.1["error"],
        "invalid_grant"
    );
    let other = self::code(&provider, "demo@example.com").await;
    let mut form = redemption(&other);
    form[4].1 = "http://127.0.0.1:8000/elsewhere";
    assert_eq!(token(&provider, &form).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_request_must_be_one_of_openid() {
    let provider = FakeOidc::start(Config::default());
    let url = format!("{}/authorize", provider.url());
    let ask = |name: &'static str, value: &'static str| {
        let mut query = vec![
            ("response_type", "code"),
            ("scope", "openid email"),
            ("client_id", "demo-client"),
            ("redirect_uri", BACK),
        ];
        query
            .iter_mut()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1 = value;
        http().get(&url).query(&query).send()
    };
    let answer = redirected(&ask("scope", "email").await.unwrap());
    assert_eq!(answer["error"], "invalid_scope");
    let answer = redirected(&ask("response_type", "token").await.unwrap());
    assert_eq!(answer["error"], "unsupported_response_type");
    assert_eq!(ask("client_id", "other").await.unwrap().status(), 400);
    assert_eq!(
        ask("redirect_uri", "https://example.com/")
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn the_list_of_users_knows_who_is_blocked() {
    let provider = FakeOidc::start(Config::default());
    provider
        .state()
        .add_account(Account::blocked("blocked@example.com"));
    let url = provider.url();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-client"),
        ("client_secret", SECRET),
        ("audience", &format!("{url}/api/v2/")),
    ];
    let (status, body) = token(&provider, &form).await;
    assert_eq!(status, 200);
    let access_token = body["access_token"].as_str().unwrap().to_owned();
    let find = |email: &str| {
        let query = url::form_urlencoded::byte_serialize(format!("email:\"{email}\"").as_bytes())
            .collect::<String>();
        let (url, token) = (
            format!("{url}/api/v2/users?q={query}"),
            access_token.clone(),
        );
        async move { get(url, &token).await }
    };
    let (status, users) = find("blocked@example.com").await;
    assert_eq!((status, users.as_array().unwrap().len()), (200, 1));
    assert_eq!(
        (&users[0]["email"], &users[0]["blocked"]),
        (&json!("blocked@example.com"), &json!(true))
    );
    let (_, users) = find("demo@example.com").await;
    assert_eq!(
        (&users[0]["email"], users[0].get("blocked")),
        (&json!("demo@example.com"), None)
    );
    assert_eq!(find("nobody@example.com").await, (200, json!([])));
    provider.state().remove_account("blocked@example.com");
    assert_eq!(find("blocked@example.com").await, (200, json!([])));
}

#[tokio::test]
async fn people_may_not_see_the_list_of_users() {
    let provider = FakeOidc::start(Config::default());
    let url = format!("{}/api/v2/users", provider.url());
    let body = sign_in(&provider, "demo@example.com").await;
    assert_eq!(
        get(url.clone(), body["access_token"].as_str().unwrap())
            .await
            .0,
        403
    );
    assert_eq!(get(url, "made-up").await.0, 401);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-client"),
        ("client_secret", SECRET),
        ("audience", "https://example.com/other/"),
    ];
    assert_eq!(token(&provider, &form).await.1["error"], "access_denied");
}
