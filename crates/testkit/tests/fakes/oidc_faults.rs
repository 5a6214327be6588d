// SPDX-License-Identifier: MPL-2.0
//! Every departure from the truth, seen as a careful service sees it.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use releng_testkit::fake_oidc::{Algorithm, Config, FakeOidc, Fault};
use releng_testkit::misbehaviour::Behaviour;
use serde_json::{Value, json};

use crate::oidc::{SECRET, authorize, code, get, redemption, sign_in, token};
use crate::redirected;

const EMAIL: &str = "demo@example.com";

fn provider(fault: Fault) -> FakeOidc {
    let provider = FakeOidc::start(Config::default());
    provider.set_fault(Some(fault));
    provider
}

/// Checks a token as a service must and returns its claims or what is wrong.
async fn verify(provider: &FakeOidc) -> Result<Value, ErrorKind> {
    let body = sign_in(provider, EMAIL).await;
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&["demo-client"]);
    validation.set_issuer(&[provider.url()]);
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    decode(body["id_token"].as_str().unwrap(), &key, &validation)
        .map(|data| data.claims)
        .map_err(jsonwebtoken::errors::Error::into_kind)
}

#[tokio::test]
async fn each_lie_about_the_token_is_the_only_one() {
    for (fault, expected) in [
        (Fault::WrongSignature, ErrorKind::InvalidSignature),
        (Fault::WrongIssuer, ErrorKind::InvalidIssuer),
        (Fault::WrongAudience, ErrorKind::InvalidAudience),
        (Fault::Expired, ErrorKind::ExpiredSignature),
    ] {
        let provider = provider(fault);
        assert_eq!(verify(&provider).await.unwrap_err(), expected, "{fault:?}");
        provider.set_fault(None);
        assert_eq!(verify(&provider).await.unwrap()["nonce"], "n1");
    }
}

#[tokio::test]
async fn the_nonce_is_of_another_sign_in_or_missing() {
    assert_eq!(
        verify(&provider(Fault::WrongNonce)).await.unwrap()["nonce"],
        "another-nonce"
    );
    assert_eq!(
        verify(&provider(Fault::NoNonce))
            .await
            .unwrap()
            .get("nonce"),
        None
    );
}

#[tokio::test]
async fn an_unsigned_token_says_so() {
    let body = sign_in(&provider(Fault::Unsigned), EMAIL).await;
    let id_token = body["id_token"].as_str().unwrap();
    assert!(id_token.ends_with('.'));
    // The header of `alg: none` is none that the library reads.
    assert!(decode_header(id_token).is_err());
}

#[tokio::test]
async fn a_wrong_signature_is_wrong_under_rs256_too() {
    let config = Config {
        algorithm: Algorithm::Rs256,
        ..Config::default()
    };
    let provider = FakeOidc::start(config);
    provider.set_fault(Some(Fault::WrongSignature));
    let body = sign_in(&provider, EMAIL).await;
    let url = format!("{}/jwks", provider.url());
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(get(url, "").await.1).unwrap();
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    let error = decode::<Value>(body["id_token"].as_str().unwrap(), &key, &validation);
    assert_eq!(error.unwrap_err().into_kind(), ErrorKind::InvalidSignature);
}

#[tokio::test]
async fn people_change_their_mind() {
    let answer = authorize(&provider(Fault::AccessDenied), &[("login_hint", EMAIL)]).await;
    let answer = redirected(&answer);
    assert_eq!(
        (answer["error"].as_str(), answer.get("code")),
        ("access_denied", None)
    );
}

#[tokio::test]
async fn the_state_is_another_one() {
    let answer = authorize(&provider(Fault::WrongState), &[("login_hint", EMAIL)]).await;
    assert_eq!(redirected(&answer)["state"], "another-state");
}

#[tokio::test]
async fn members_go_missing() {
    assert_eq!(
        sign_in(&provider(Fault::NoIdToken), EMAIL)
            .await
            .get("id_token"),
        None
    );
    let provider = provider(Fault::NoEmail);
    let body = sign_in(&provider, EMAIL).await;
    let url = format!("{}/userinfo", provider.url());
    let (status, info) = get(url, body["access_token"].as_str().unwrap()).await;
    assert_eq!((status, info.get("email")), (200, None));
}

#[tokio::test]
async fn services_see_outages_and_browsers_do_not() {
    let provider = FakeOidc::start(Config::default());
    provider.set_behaviour_for(1, Behaviour::ServerError);
    let code = code(&provider, EMAIL).await;
    let (status, body) = token(&provider, &redemption(&code)).await;
    assert_eq!(
        (status, &body["code"]),
        (500, &json!("InternalServerError"))
    );
    assert_eq!(token(&provider, &redemption(&code)).await.0, 200);
    assert_eq!((provider.hits(), provider.hits_of("/oauth/token")), (2, 2));
}
