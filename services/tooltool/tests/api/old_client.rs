// SPDX-License-Identifier: MPL-2.0
//! A client that speaks as deployed Python clients do. It is a script in Python, so that URL
//! splitting, redirects and headers are those of the very libraries that these clients use.

use std::process::Command;

use serde_json::{Value, json};

use crate::{App, app_sets, digest};
use releng_testkit::temp;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/old_client.py");

/// Runs the script against an app; returns whether it succeeded and what it printed.
async fn run(app: &App, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new("python3");
    command.arg(SCRIPT).arg(app.app.address()).args(arguments);
    // Background work of the app runs on this thread.
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap_or_else(|e| panic!("python3 is needed to test what Python clients do: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    (
        output.status.success(),
        serde_json::from_slice(&output.stdout).unwrap(),
    )
}

const ENGINEER: [&str; 2] = ["--auth", "demo/engineer:demo/engineer-token"];
const PUBLIC: [&str; 2] = ["--auth", "demo/public:demo/public-token"];
const ADMIN: [&str; 2] = ["--auth", "demo/admin:demo/admin-token"];

/// Joins credentials and a command.
fn line<'a>(credentials: [&'a str; 2], rest: &[&'a str]) -> Vec<&'a str> {
    credentials.iter().chain(rest).copied().collect()
}

#[actix_web::test]
async fn a_public_file_is_uploaded_and_fetched_without_credentials() {
    for app in app_sets().await {
        let folder = temp::dir();
        let path = folder.path().join("a compiler.tar.xz");
        std::fs::write(&path, b"a compiler").unwrap();
        let path = path.to_str().unwrap();
        // The query string is signed, which the Python service never looked at.
        let upload = [
            "upload",
            path,
            "Bug 1: a compiler",
            "public",
            "--region",
            "us-west-2",
        ];
        let (is_done, told) = run(&app, &line(ENGINEER, &upload)).await;
        assert!(is_done, "{told}");
        assert_eq!(told["sent"], true);
        // The URL was still alive when the client came back with "done", for what was left of its life.
        let waits: Vec<u64> = serde_json::from_value(told["waits"].clone()).unwrap();
        assert!(matches!(waits[..], [1..=4]), "{told}");
        let digest = digest(b"a compiler");
        app.verified(&digest).await;
        for region in [vec![], vec!["--region", "us-west-2"]] {
            let fetch = [vec!["fetch", digest.as_str()], region].concat();
            let (is_done, told) = run(&app, &fetch).await;
            assert!(is_done, "{told}");
            assert_eq!(told["sha512"], digest);
        }
        let (is_done, told) = run(&app, &line(ENGINEER, &upload)).await;
        assert!(is_done);
        assert_eq!(told["sent"], false, "the service has the bytes already");
    }
}

#[actix_web::test]
async fn an_internal_file_needs_credentials_which_the_store_never_sees() {
    for app in app_sets().await {
        let folder = temp::dir();
        let path = folder.path().join("secret");
        std::fs::write(&path, b"internal").unwrap();
        let path = path.to_str().unwrap();
        let upload = ["upload", path, "internal", "internal"];
        let (_, told) = run(&app, &line(PUBLIC, &upload)).await;
        let refusal = "403 Forbidden: no permission to upload internal files: \
                       no permission to upload internal files";
        assert_eq!(told, json!({"refused": refusal}));
        assert!(run(&app, &line(ENGINEER, &upload)).await.0);
        let digest = digest(b"internal");
        app.verified(&digest).await;
        let (is_done, told) = run(&app, &["fetch", &digest]).await;
        assert!(!is_done);
        let text = told["refused"].as_str().unwrap();
        assert!(text.starts_with("403 Forbidden: You don't have the permission"));
        let (is_done, told) = run(&app, &line(ENGINEER, &["fetch", &digest])).await;
        assert!(is_done, "{told}");
        assert_eq!(
            (&told["status"], &told["sha512"]),
            (&json!(200), &json!(digest))
        );
        let sent = told["sent_to_target"].as_array().unwrap();
        assert!(!sent.contains(&json!("authorization")), "{told}");
    }
}

#[actix_web::test]
async fn administration_signs_the_body_and_refusals_can_be_read() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    app.upload("a", crate::entry(b"x"), b"x").await;
    let digest = digest(b"x");
    let hide = r#"[{"op": "set_visibility", "visibility": "internal"}]"#;
    let (_, told) = run(&app, &line(ENGINEER, &["patch", &digest, hide])).await;
    let refusal = "401 Unauthorized: Invalid user permissions: Invalid user permissions";
    assert_eq!(told, json!({"refused": refusal}));
    let (is_done, told) = run(&app, &line(ADMIN, &["patch", &digest, hide])).await;
    assert!(is_done, "{told}");
    assert_eq!(told["visibility"], "internal");
    let (_, told) = run(&app, &["fetch", "invalid"]).await;
    let refusal = "400 Bad Request: Invalid sha512 digest: Invalid sha512 digest";
    assert_eq!(told, json!({"refused": refusal}));
}
