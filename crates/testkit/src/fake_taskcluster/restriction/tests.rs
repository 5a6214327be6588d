// SPDX-License-Identifier: MPL-2.0
//! Every rule about `ext`, one broken rule at a time.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::fake_taskcluster::{Client, Config, Role};
use crate::hawk_client::Credentials;

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

fn deployment() -> Arc<State> {
    let issuer = Client::new(
        "demo/issuer",
        "demo-issuer-token",
        &["assume:sheriff", "auth:create-client:demo/temp-*"],
    );
    let mut disabled = Client::new("demo/disabled", "demo-token", &[]);
    disabled.is_disabled = true;
    let mut expired = Client::new("demo/expired", "demo-token", &[]);
    expired.expires = DateTime::from_timestamp(1_500_000_000, 0).unwrap();
    State::new(Config {
        clients: vec![issuer, disabled, expired],
        roles: vec![
            Role::new("sheriff", &["tree:close", "tree:read"]),
            Role::new("anonymous", &["public:read"]),
            Role::new("client-id:demo/issuer", &["own:scope"]),
        ],
        ..Config::default()
    })
}

fn issuer() -> Credentials {
    Credentials::new("demo/issuer", "demo-issuer-token")
}

fn temporary(name: Option<&str>, scopes: &[&str]) -> Value {
    let start = SystemTime::now();
    issuer()
        .temporary(name, scopes, start, DAY)
        .unwrap()
        .certificate()
        .unwrap()
        .clone()
}

fn ext(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

fn refusal(client_id: &str, value: &Value) -> String {
    signer(&deployment(), client_id, Some(&ext(value))).unwrap_err()
}

#[test]
fn a_permanent_client_has_its_roles_its_own_role_and_that_of_everybody() {
    let signer = signer(&deployment(), "demo/issuer", None).unwrap();
    assert_eq!(signer.key, "demo-issuer-token");
    assert_eq!(
        signer.scopes,
        [
            "assume:anonymous",
            "assume:client-id:demo/issuer",
            "assume:sheriff",
            "auth:create-client:demo/temp-*",
            "own:scope",
            "public:read",
            "tree:close",
            "tree:read",
        ]
    );
}

#[test]
fn unknown_disabled_and_expired_clients_are_refused() {
    let state = deployment();
    let message = |id: &str| signer(&state, id, None).unwrap_err();
    assert_eq!(
        message("demo/who"),
        "Client with clientId 'demo/who' not found"
    );
    assert_eq!(
        message("demo/disabled"),
        "Client with clientId 'demo/disabled' is disabled"
    );
    assert_eq!(
        message("demo/expired"),
        "Client with clientId 'demo/expired' has expired"
    );
}

#[test]
fn temporary_credentials_have_the_scopes_and_the_end_of_their_certificate() {
    let certificate = temporary(None, &["tree:read"]);
    let value = json!({"certificate": certificate});
    let signer = signer(&deployment(), "demo/issuer", Some(&ext(&value))).unwrap();
    assert_eq!(
        signer.scopes,
        ["assume:anonymous", "public:read", "tree:read"]
    );
    assert_eq!(
        signer.expires.timestamp_millis(),
        certificate["expiry"].as_i64().unwrap()
    );
    let key = hmac("demo-issuer-token", certificate["seed"].as_str().unwrap()).unwrap();
    assert_eq!(signer.key, URL_SAFE_NO_PAD.encode(key));
}

#[test]
fn named_temporary_credentials_need_a_scope_of_the_issuer() {
    let value = json!({"certificate": temporary(Some("demo/temp-1"), &["tree:read"])});
    assert!(signer(&deployment(), "demo/temp-1", Some(&ext(&value))).is_ok());
    let value = json!({"certificate": temporary(Some("demo/other"), &["tree:read"])});
    assert_eq!(
        refusal("demo/other", &value),
        "ext.certificate.issuer `demo/issuer` does not have `auth:create-client:demo/other`"
    );
}

#[test]
fn a_certificate_is_good_only_as_it_was_issued() {
    let good = temporary(Some("demo/temp-1"), &["tree:read"]);
    let signature = "ext.certificate.signature is not valid, or wrong clientId provided";
    for (member, value) in [
        ("scopes", json!(["tree:close"])),
        ("expiry", json!(good["expiry"].as_i64().unwrap() + 1)),
        ("seed", json!("B".repeat(44))),
        ("signature", json!("AAAA")),
        ("signature", json!(1)),
    ] {
        let mut changed = good.clone();
        changed[member] = value;
        assert_eq!(
            refusal("demo/temp-1", &json!({"certificate": changed})),
            signature,
            "{member}"
        );
    }
    assert_eq!(
        refusal("demo/temp-2", &json!({"certificate": good})),
        signature
    );
}

#[test]
fn malformed_certificates_are_refused_with_the_rule_they_break() {
    let good = temporary(None, &["tree:read"]);
    for (member, value, message) in [
        ("version", json!(2), "ext.certificate.version must be 1"),
        ("seed", json!(1), "ext.certificate.seed must be a string"),
        (
            "seed",
            json!("short"),
            "ext.certificate.seed must be 44 characters",
        ),
        (
            "start",
            json!("now"),
            "ext.certificate.start must be an integer",
        ),
        (
            "expiry",
            Value::Null,
            "ext.certificate.expiry must be an integer",
        ),
        (
            "scopes",
            json!("tree:read"),
            "ext.certificate.scopes must be an array",
        ),
        (
            "scopes",
            json!(["ü"]),
            "ext.certificate.scopes must be an array of valid scopes",
        ),
        (
            "issuer",
            json!(1),
            "ext.certificate.issuer must be a string",
        ),
        (
            "issuer",
            json!("demo/issuer"),
            "ext.certificate.issuer must differ from the supplied clientId",
        ),
        (
            "clientId",
            json!("demo/issuer"),
            "ext.certificate.clientId must only be used with ext.certificate.issuer",
        ),
        (
            "start",
            json!(i64::MIN),
            "ext.certificate.start and expiry must be times in milliseconds",
        ),
    ] {
        let mut changed = good.clone();
        changed[member] = value;
        assert_eq!(
            refusal("demo/issuer", &json!({"certificate": changed})),
            message
        );
    }
    assert_eq!(
        refusal("demo/issuer", &json!({"certificate": "x"})),
        "ext.certificate must be a JSON object"
    );
}

#[test]
fn certificates_end_begin_and_last_within_bounds() {
    let issue = |start: SystemTime, lifetime| {
        let temporary = issuer()
            .temporary(None, &["tree:read"], start, lifetime)
            .unwrap();
        refusal(
            "demo/issuer",
            &json!({"certificate": temporary.certificate().unwrap()}),
        )
    };
    let now = SystemTime::now();
    assert_eq!(issue(now + DAY, DAY), "ext.certificate.start > now");
    assert_eq!(issue(now - 2 * DAY, DAY), "ext.certificate.expiry < now");
    assert_eq!(
        issue(now, 32 * DAY),
        "ext.certificate cannot last longer than 31 days!"
    );
}

#[test]
fn a_certificate_gives_no_more_than_the_issuer_has() {
    let value = json!({"certificate": temporary(None, &["tree:open"])});
    assert_eq!(
        refusal("demo/issuer", &value),
        "ext.certificate.scopes are more than the issuer `demo/issuer` has"
    );
}

#[test]
fn authorized_scopes_leave_nothing_else() {
    let value = json!({"authorizedScopes": ["tree:close", "public:read"]});
    let signer = signer(&deployment(), "demo/issuer", Some(&ext(&value))).unwrap();
    assert_eq!(
        signer.scopes,
        ["assume:anonymous", "public:read", "tree:close"]
    );
    assert_eq!(
        refusal("demo/issuer", &json!({"authorizedScopes": ["tree:open"]})),
        "the credentials do not satisfy ext.authorizedScopes"
    );
    assert_eq!(
        refusal("demo/issuer", &json!({"authorizedScopes": "tree:close"})),
        "ext.authorizedScopes must be an array"
    );
    let both = json!({
        "certificate": temporary(None, &["tree:read"]),
        "authorizedScopes": ["tree:close"],
    });
    assert_eq!(
        refusal("demo/issuer", &both),
        "the credentials do not satisfy ext.authorizedScopes"
    );
}

#[test]
fn an_ext_that_is_no_json_object_is_refused() {
    for ext in ["???", "bm90IGpzb24=", "W10=", "some-app-ext-data"] {
        let message = signer(&deployment(), "demo/issuer", Some(ext)).unwrap_err();
        assert_eq!(message, "Failed to parse ext", "{ext}");
    }
}
