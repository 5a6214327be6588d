// SPDX-License-Identifier: MPL-2.0
//! Mails that services order.

use releng_testkit::fake_taskcluster::{Client, Config, FakeTaskcluster, Link, Mail};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use serde_json::{Value, json};

use crate::http;

fn sender() -> Client {
    Client::new("demo/sender", "demo-token", &["notify:email:*@example.com"])
}

fn deployment(scope: &str) -> FakeTaskcluster {
    let sender = Client::new("demo/sender", "demo-token", &[scope]);
    FakeTaskcluster::start(Config {
        clients: vec![sender],
        ..Config::default()
    })
}

async fn order(deployment: &FakeTaskcluster, mail: &Value, by: &Credentials) -> (u16, Value) {
    let url = format!("{}/api/notify/v1/email", deployment.url());
    let request = http().post(url).json(mail).hawk_with_payload(by).unwrap();
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn mail() -> Value {
    json!({
        "address": "demo@example.com",
        "subject": "Sync failed",
        "content": "**clang** could not be fetched",
        "link": {"text": "Log", "href": "https://example.com/log"},
    })
}

#[tokio::test]
async fn a_mail_is_kept_for_whoever_may_send_it() {
    let deployment = deployment("notify:email:*");
    assert_eq!(
        order(&deployment, &mail(), &sender().credentials()).await,
        (200, json!({}))
    );
    assert_eq!(
        deployment.mails(),
        [Mail {
            address: "demo@example.com".to_owned(),
            subject: "Sync failed".to_owned(),
            content: "**clang** could not be fetched".to_owned(),
            link: Some(Link {
                text: "Log".to_owned(),
                href: "https://example.com/log".to_owned(),
            }),
            reply_to: None,
            template: None,
        }]
    );
}

#[tokio::test]
async fn the_scope_of_the_address_is_needed() {
    let deployment = deployment("notify:email:other@example.com");
    assert_eq!(
        order(&deployment, &mail(), &sender().credentials()).await,
        (
            403,
            json!({
                "code": "InsufficientScopes",
                "message": "the client does not have notify:email:demo@example.com",
            })
        )
    );
    assert_eq!(deployment.mails(), []);
}

#[tokio::test]
async fn a_wrong_signature_sends_nothing() {
    let deployment = deployment("notify:email:*");
    let (status, body) = order(&deployment, &mail(), &Credentials::new("demo/sender", "x")).await;
    assert_eq!(
        (status, &body["code"]),
        (401, &json!("AuthenticationFailed"))
    );
    assert_eq!(deployment.mails(), []);
}

#[tokio::test]
async fn a_mail_must_keep_to_the_schema() {
    let deployment = deployment("notify:email:*");
    for (member, value) in [
        ("address", json!("nobody")),
        ("subject", json!("")),
        ("subject", json!("x".repeat(256))),
        ("content", Value::Null),
        ("link", json!({"text": "only text"})),
        ("cc", json!("demo@example.com")),
    ] {
        let mut mail = mail();
        mail[member] = value;
        let (status, body) = order(&deployment, &mail, &sender().credentials()).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!("InputValidationError")),
            "{member}"
        );
    }
    assert_eq!(deployment.mails(), []);
}
