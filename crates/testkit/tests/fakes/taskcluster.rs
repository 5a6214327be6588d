// SPDX-License-Identifier: MPL-2.0
//! `authenticate-hawk` and its neighbours.

use std::time::{Duration, SystemTime};

use releng_testkit::fake_taskcluster::{Client, Config, FakeTaskcluster, Role};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use serde_json::{Value, json};
use url::Url;

use crate::http;

const TREES: &str = "https://trees.example.com/trees?a=1&b=%20";

fn client() -> Client {
    Client::new("demo/client", "demo-token", &["assume:sheriff"])
}

fn deployment() -> FakeTaskcluster {
    FakeTaskcluster::start(Config {
        clients: vec![client()],
        roles: vec![
            Role::new("sheriff", &["tree:close", "assume:viewer"]),
            Role::new("viewer", &["tree:read"]),
            Role::new("anonymous", &["public:read"]),
        ],
        ..Config::default()
    })
}

/// The question that a service behind `trees.example.com` asks about a request.
fn question(method: &str, url: &str, authorization: Option<String>) -> Value {
    let url = Url::parse(url).unwrap();
    let mut question = json!({
        "method": method,
        "resource": format!("{}?{}", url.path(), url.query().unwrap()),
        "host": url.host_str().unwrap(),
        "port": url.port_or_known_default().unwrap(),
    });
    if let Some(header) = authorization {
        question["authorization"] = json!(header);
    }
    question
}

async fn ask(deployment: &FakeTaskcluster, question: &Value) -> (u16, Value) {
    let url = format!("{}/api/auth/v1/authenticate-hawk", deployment.url());
    let response = http().post(url).json(question).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn message(deployment: &FakeTaskcluster, question: &Value) -> String {
    let (status, body) = ask(deployment, question).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &json!("auth-failed")),
        "{body}"
    );
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

fn signed(credentials: &Credentials) -> Value {
    let url = Url::parse(TREES).unwrap();
    question(
        "patch",
        TREES,
        Some(credentials.sign("PATCH", &url).header().unwrap()),
    )
}

#[tokio::test]
async fn a_good_signature_yields_the_expanded_scopes() {
    let deployment = deployment();
    assert_eq!(
        ask(&deployment, &signed(&client().credentials())).await,
        (
            200,
            json!({
                "status": "auth-success",
                "scheme": "hawk",
                "clientId": "demo/client",
                "scopes": [
                    "assume:anonymous",
                    "assume:client-id:demo/client",
                    "assume:sheriff",
                    "assume:viewer",
                    "public:read",
                    "tree:close",
                    "tree:read",
                ],
                "expires": "3000-01-01T00:00:00.000Z",
            })
        )
    );
}

#[tokio::test]
async fn the_payload_hash_is_passed_on() {
    let deployment = deployment();
    let url = Url::parse(TREES).unwrap();
    let header = client()
        .credentials()
        .sign("POST", &url)
        .payload("text/plain", b"Thank you for flying Hawk")
        .unwrap()
        .header()
        .unwrap();
    let (_, body) = ask(&deployment, &question("post", TREES, Some(header))).await;
    assert_eq!(body["hash"], "Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=");
}

#[tokio::test]
async fn no_credentials_are_no_failure() {
    let deployment = deployment();
    let (status, mut body) = ask(&deployment, &question("get", TREES, None)).await;
    assert!(body["expires"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (status, body),
        (
            200,
            json!({
                "status": "no-auth",
                "scheme": "none",
                "scopes": ["assume:anonymous", "public:read"],
                "expires": null,
            })
        )
    );
}

#[tokio::test]
async fn a_signature_holds_for_exactly_one_request() {
    let deployment = deployment();
    for (member, value) in [
        ("method", json!("get")),
        ("resource", json!("/trees?a=1&b=+")),
        ("resource", json!("/trees?b=%20&a=1")),
        ("host", json!("tooltool.example.com")),
        ("port", json!(80)),
    ] {
        let mut question = signed(&client().credentials());
        question[member] = value;
        assert_eq!(
            message(&deployment, &question).await,
            "Unauthorized: Bad mac",
            "{member}"
        );
    }
    let wrong = Credentials::new("demo/client", "other-token");
    assert_eq!(
        message(&deployment, &signed(&wrong)).await,
        "Unauthorized: Bad mac"
    );
}

#[tokio::test]
async fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let deployment = deployment();
    let url = Url::parse(TREES).unwrap();
    let now = SystemTime::now();
    let at = |time| {
        let header = client()
            .credentials()
            .sign("GET", &url)
            .at(time)
            .header()
            .unwrap();
        question("get", TREES, Some(header))
    };
    let (near, far) = (Duration::from_secs(14 * 60), Duration::from_secs(16 * 60));
    for time in [now - near, now + near] {
        assert_eq!(
            ask(&deployment, &at(time)).await.1["status"],
            "auth-success"
        );
    }
    for time in [now - far, now + far] {
        assert_eq!(
            message(&deployment, &at(time)).await,
            "Unauthorized: Stale timestamp"
        );
    }
}

#[tokio::test]
async fn nonces_are_not_remembered() {
    let deployment = deployment();
    let question = signed(&client().credentials());
    for _ in 0..2 {
        assert_eq!(
            ask(&deployment, &question).await.1["status"],
            "auth-success"
        );
    }
}

#[tokio::test]
async fn clients_come_and_go_while_it_runs() {
    let deployment = deployment();
    let late = Client::new("demo/late", "late-token", &[]);
    let question = signed(&late.credentials());
    let unknown = "Client with clientId 'demo/late' not found";
    assert_eq!(message(&deployment, &question).await, unknown);
    deployment.state().add_client(late);
    assert_eq!(
        ask(&deployment, &question).await.1["status"],
        "auth-success"
    );
    deployment.state().remove_client("demo/late");
    assert_eq!(message(&deployment, &question).await, unknown);
}

#[tokio::test]
async fn temporary_credentials_sign_with_their_own_key() {
    let deployment = deployment();
    let issuer = Client::new(
        "demo/issuer",
        "demo-issuer-token",
        &["auth:create-client:x/*", "y"],
    );
    deployment.state().add_client(issuer.clone());
    let day = Duration::from_secs(24 * 60 * 60);
    let start = SystemTime::now();
    let temporary = issuer
        .credentials()
        .temporary(Some("x/1"), &["y"], start, day)
        .unwrap();
    let (_, body) = ask(&deployment, &signed(&temporary)).await;
    assert_eq!(body["clientId"], "x/1");
    assert_eq!(
        body["scopes"],
        json!(["assume:anonymous", "public:read", "y"])
    );
    let forged = Credentials::new("x/1", "demo-issuer-token")
        .with_certificate(temporary.certificate().unwrap().clone());
    assert_eq!(
        message(&deployment, &signed(&forged)).await,
        "Unauthorized: Bad mac"
    );
}

#[tokio::test]
async fn authorized_scopes_restrict_a_client() {
    let deployment = deployment();
    let restricted = client()
        .credentials()
        .with_authorized_scopes(&["tree:read"]);
    let (_, body) = ask(&deployment, &signed(&restricted)).await;
    assert_eq!(
        body["scopes"],
        json!(["assume:anonymous", "public:read", "tree:read"])
    );
}

#[tokio::test]
async fn a_bewit_reads_until_it_expires() {
    let deployment = deployment();
    let url = Url::parse(TREES).unwrap();
    let bewit = |lifetime| {
        let signed = client()
            .credentials()
            .bewit(&url, Duration::from_secs(lifetime))
            .unwrap();
        question("get", signed.as_str(), None)
    };
    let mut question = bewit(60);
    assert_eq!(
        ask(&deployment, &question).await.1["clientId"],
        "demo/client"
    );
    question["method"] = json!("head");
    assert_eq!(
        ask(&deployment, &question).await.1["clientId"],
        "demo/client"
    );
    question["method"] = json!("post");
    assert_eq!(
        message(&deployment, &question).await,
        "Unauthorized: Invalid method"
    );
    question["method"] = json!("get");
    let resource = question["resource"].as_str().unwrap().replace("a=1", "a=2");
    question["resource"] = json!(resource);
    assert_eq!(
        message(&deployment, &question).await,
        "Unauthorized: Bad mac"
    );
    assert_eq!(
        message(&deployment, &bewit(0)).await,
        "Unauthorized: Access expired"
    );
}

#[tokio::test]
async fn headers_of_eight_kilobytes_are_read() {
    let deployment = deployment();
    let url = Url::parse(TREES).unwrap();
    let id = "a".repeat(8 << 10);
    let header = Credentials::new(&id, "x")
        .sign("PATCH", &url)
        .header()
        .unwrap();
    let question = question("patch", TREES, Some(header));
    let expected = format!("Client with clientId '{id}' not found");
    assert_eq!(message(&deployment, &question).await, expected);
}

#[tokio::test]
async fn a_malformed_question_is_an_input_validation_error() {
    let deployment = deployment();
    let mut question = question("GET", TREES, None);
    question["extra"] = json!(true);
    let (status, mut body) = ask(&deployment, &question).await;
    assert!(body["requestInfo"]["time"].take().is_string());
    assert_eq!(
        (status, body),
        (
            400,
            json!({
                "code": "InputValidationError",
                "message": "Schema Validation Failed: data must NOT have additional properties: \
                            extra; data/method has a value that the schema forbids",
                "requestInfo": {
                    "method": "authenticateHawk",
                    "params": {},
                    "payload": question,
                    "time": null,
                },
            })
        )
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_is_malformed() {
    let deployment = deployment();
    let url = format!("{}/api/auth/v1/authenticate-hawk", deployment.url());
    for (content_type, body) in [("application/json", "{"), ("text/plain", "{}")] {
        let request = http()
            .post(&url)
            .header("content-type", content_type)
            .body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["code"], "MalformedPayload");
    }
}

#[tokio::test]
async fn questions_are_kept_word_for_word() {
    let deployment = deployment();
    let first = question("get", TREES, None);
    ask(&deployment, &first).await;
    assert_eq!(deployment.questions(), [first]);
    assert_eq!((deployment.hits(), deployment.hits_of("/ping")), (1, 0));
}

#[tokio::test]
async fn ping_says_that_it_is_alive() {
    let deployment = deployment();
    let url = format!("{}/api/auth/v1/ping", deployment.url());
    let body: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(body["alive"], true);
    assert_eq!(deployment.hits_of("/ping"), 1);
}

#[tokio::test]
async fn clients_can_look_at_their_own_scopes() {
    let deployment = deployment();
    let url = format!("{}/api/auth/v1/scopes/current?x=%20y", deployment.url());
    let ask = |request: reqwest::RequestBuilder| async {
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let restricted = client()
        .credentials()
        .with_authorized_scopes(&["tree:read"]);
    assert_eq!(
        ask(http().get(&url).hawk(&restricted).unwrap()).await,
        (
            200,
            json!({"scopes": ["assume:anonymous", "public:read", "tree:read"]})
        )
    );
    assert_eq!(
        ask(http().get(&url)).await,
        (200, json!({"scopes": ["assume:anonymous", "public:read"]}))
    );
    let wrong = Credentials::new("demo/client", "other-token");
    assert_eq!(
        ask(http().get(&url).hawk(&wrong).unwrap()).await,
        (
            401,
            json!({"code": "AuthenticationFailed", "message": "Unauthorized: Bad mac"})
        )
    );
}
