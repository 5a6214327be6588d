// SPDX-License-Identifier: MPL-2.0
//! The commands, run beside a running server as an operator runs them.

use std::path::Path;
use std::process::{Command, Output};

use releng_testkit::process::Process;
use releng_testkit::temp;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", folder)
        .env("LOG_LEVEL", "error");
    command
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Runs a command that must succeed and returns what it printed.
pub fn output(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn users_and_tokens_are_made_beside_a_running_server() {
    let folder = temp::dir();
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    let email = "demo-operator@example.com";
    let superuser = |lines: &str| assert_eq!(output(folder.path(), &["superuser", email]), lines);
    superuser("User created\ndemo-operator@example.com PROMOTED to superuser\n");
    superuser("demo-operator@example.com DEMOTED to superuser\n");
    output(folder.path(), &["user", email, "--group", "Uploaders"]);
    let arguments = [
        "token",
        email,
        "--permission",
        "upload.upload_symbols",
        "--days",
    ];
    let token = output(folder.path(), &[&arguments[..], &["2"]].concat());
    let expired = output(folder.path(), &[&arguments[..], &["-1"]].concat());
    assert_eq!((token.len(), token.trim_end().len()), (33, 32));
    let status = |token: String| {
        let url = format!("{}/api/_auth/", process.address());
        async move {
            let request = reqwest::Client::new()
                .get(url)
                .header("auth-token", token.trim_end());
            request.send().await.unwrap().status().as_u16()
        }
    };
    assert_eq!(status(token.clone()).await, 200);
    assert_eq!(status(expired).await, 403);
    output(folder.path(), &["user", email, "--inactive"]);
    assert_eq!(status(token).await, 403);
    assert!(process.terminate().success());
}

#[test]
fn a_token_takes_several_permissions_at_once_and_one_by_one() {
    let folder = temp::dir();
    let email = "demo-operator@example.com";
    output(folder.path(), &["user", email, "--superuser"]);
    let (try_uploads, view) = ("upload.upload_try_symbols", "upload.view_all_uploads");
    for arguments in [
        vec![
            "token",
            email,
            "--permission",
            try_uploads,
            view,
            "--days",
            "2",
        ],
        vec![
            "token",
            email,
            "--permission",
            try_uploads,
            "--permission",
            view,
        ],
    ] {
        assert_eq!(output(folder.path(), &arguments).len(), 33, "{arguments:?}");
    }
    // Both kinds of uploads in one token would contradict each other: so the second one was seen.
    let both = [
        "token",
        email,
        "--permission",
        try_uploads,
        "upload.upload_symbols",
    ];
    assert_eq!(run(folder.path(), &both).status.code(), Some(2));
}

#[test]
fn wrong_usage_is_one_line_and_status_2() {
    let folder = temp::dir();
    let table: [(&[&str], &str); 5] = [
        (
            &["superuser", "no address"],
            "error: Invalid email 'no address'\n",
        ),
        (
            &["user", "demo@example.com", "--group", "Nobody"],
            "error: there is no group 'Nobody', only 'Upload Auditors', 'Uploaders'\n",
        ),
        (
            &["token", "demo@example.com"],
            "error: there is no user 'demo@example.com'\n",
        ),
        (
            &["token", "demo@example.com", "--permission", "everything"],
            "error: there is no permission 'everything', only upload.upload_symbols, \
             upload.upload_try_symbols, upload.view_all_uploads, tokens.manage_tokens\n",
        ),
        (
            &["token", "demo@example.com", "--days", "999999999999"],
            "error: Invalid number of days ('999999999999')\n",
        ),
    ];
    for (arguments, line) in table {
        let output = run(folder.path(), arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), line);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_bad_setting_is_one_line_and_status_2() {
    let folder = temp::dir();
    let output = Command::new(BINARY)
        .arg("serve")
        .env_clear()
        .envs([("PORT", "0"), ("DJANGO_UPLOAD_DEFAULT_URL", "file://other")])
        .env("DATA_DIR", folder.path())
        .output()
        .unwrap();
    let line = "error: UPLOAD_DEFAULT_URL: must be one of SYMBOL_URLS\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), line);
    assert_eq!(output.status.code(), Some(2));
}
