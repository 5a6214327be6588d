// SPDX-License-Identifier: MPL-2.0
//! The command line of the client, as a process of its own, against the real service: what people
//! and scripts do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{App, app_sets};
use releng_testkit::temp;

/// Set for the process that is to be the client.
const WORDS: &str = "TOOLTOOL_CLIENT_WORDS";

/// The client's own binary belongs to another package, so this test binary plays its part: called
/// with the variable, this test is the client and ends with its status. Otherwise there is nothing
/// to do here.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what a test says to itself is no setting"
)]
fn the_client() {
    if let Ok(words) = std::env::var(WORDS) {
        let words: Vec<String> = serde_json::from_str(&words).unwrap();
        let words = words.into_iter().map(Into::into);
        std::process::exit(releng_tooltool_client::cli::run(words).into());
    }
}

fn client(folder: &Path, app: &App, words: &[&str]) -> Command {
    let url = format!("--url={}", app.app.address());
    let words: Vec<&str> = [&["tooltool.py"], words, &[&url]].concat();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "client_process::the_client",
            "--exact",
            "--nocapture",
            "--quiet",
        ])
        .current_dir(folder)
        .env_clear()
        .env(WORDS, json!(words).to_string())
        .env("TOOLTOOL_RETRY_SCALE", "0.3")
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn with_rights_of(mut command: Command, id: &str) -> Command {
    command
        .env("TASKCLUSTER_CLIENT_ID", id)
        .env("TASKCLUSTER_ACCESS_TOKEN", format!("{id}-token"));
    command
}

/// Returns the exit status and the log lines.
async fn run(mut command: Command) -> (Option<i32>, Vec<String>) {
    // The service runs on this thread's loop, so the wait is elsewhere.
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code(),
        stderr.lines().map(str::to_owned).collect(),
    )
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[actix_web::test]
async fn a_file_travels_from_one_folder_to_another_by_commands_alone() {
    for app in app_sets().await {
        let (here, there) = (temp::dir(), temp::dir());
        let (here, there) = (here.path(), there.path());
        write(here, "linker.tar", &[7; 300_000]);
        write(here, "notes", b"internal notes");
        for (file, visibility) in [("linker.tar", "public"), ("notes", "internal")] {
            let words = ["add", file, "--visib", visibility];
            assert_eq!(run(client(here, &app, &words)).await, (Some(0), vec![]));
        }
        let words = [
            "upload",
            "--region=us-west-2",
            "--message=demo upload",
            "--wait",
        ];
        let (status, lines) = run(client(here, &app, &words)).await;
        assert_eq!(status, Some(1), "without credentials: {lines:?}");
        let refused = lines.last().unwrap();
        assert!(
            refused.starts_with("ERROR - 403 Forbidden: no permission to upload "),
            "{refused}"
        );
        let (status, lines) =
            run(with_rights_of(client(here, &app, &words), "demo/engineer")).await;
        assert_eq!(status, Some(0), "{lines:?}");
        assert!(
            lines.contains(&"INFO - linker.tar: verified".to_owned()),
            "{lines:?}"
        );
        std::fs::copy(here.join("manifest.tt"), there.join("manifest.tt")).unwrap();
        let fetch = ["fetch", "-c", "cache", "--region", "us-west-2"];
        let (status, lines) = run(client(there, &app, &fetch)).await;
        assert_eq!(status, Some(1));
        assert_eq!(
            lines.last().unwrap(),
            "ERROR - The following files failed: 'notes'"
        );
        let (status, lines) =
            run(with_rights_of(client(there, &app, &fetch), "demo/engineer")).await;
        assert_eq!(status, Some(0), "{lines:?}");
        assert_eq!(
            std::fs::read(there.join("linker.tar")).unwrap(),
            [7; 300_000]
        );
        assert_eq!(
            std::fs::read(there.join("notes")).unwrap(),
            b"internal notes"
        );
        administer(&app, there).await;
    }
}

async fn administer(app: &App, folder: &Path) {
    let manifest: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.tt")).unwrap()).unwrap();
    let notes = manifest
        .iter()
        .find(|record| record["filename"] == "notes")
        .unwrap();
    let digest = notes["digest"].as_str().unwrap();
    let publish = [
        "change-visibility",
        "--digest",
        digest,
        "--visibility=public",
    ];
    let (status, lines) = run(with_rights_of(
        client(folder, app, &publish),
        "demo/engineer",
    ))
    .await;
    assert_eq!(status, Some(1));
    let words = "ERROR - 401 Unauthorized: Invalid user permissions: Invalid user permissions";
    assert_eq!(lines, [words]);
    let run_as_admin =
        |words: &[&str]| run(with_rights_of(client(folder, app, words), "demo/admin"));
    assert_eq!(run_as_admin(&publish).await, (Some(0), vec![]));
    std::fs::remove_file(folder.join("notes")).unwrap();
    assert_eq!(
        run(client(folder, app, &["fetch", "notes"])).await.0,
        Some(0)
    );
    assert_eq!(
        run_as_admin(&["delete", "--digest", digest]).await,
        (Some(0), vec![])
    );
    std::fs::remove_file(folder.join("notes")).unwrap();
    let (status, lines) = run(client(folder, app, &["fetch", "notes"])).await;
    assert_eq!(status, Some(1));
    let refusal = "the server answers 404 Not Found".to_owned();
    assert!(
        lines.iter().any(|line| line.ends_with(&refusal)),
        "{lines:?}"
    );
}

#[actix_web::test]
async fn a_client_that_is_killed_is_just_started_again() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let (here, there) = (temp::dir(), temp::dir());
    let (here, there) = (here.path(), there.path());
    for number in 0..8_u32 {
        let bytes = number.to_le_bytes().repeat(20_000 << number);
        write(here, &format!("file-{number}"), &bytes);
    }
    let names: Vec<_> = (0..8).map(|number| format!("file-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let words = [&["add", "--visibility=public"], names.as_slice()].concat();
    assert_eq!(run(client(here, &app, &words)).await.0, Some(0));
    std::fs::copy(here.join("manifest.tt"), there.join("manifest.tt")).unwrap();
    let upload = ["upload", "--message=m", "--wait"];
    for (folder, words) in [(here, &upload[..]), (there, &["fetch", "-c", "cache"])] {
        for round in 0..20_u64 {
            let command = with_rights_of(client(folder, &app, words), "demo/engineer");
            kill_after(command, Duration::from_millis(4 * round)).await;
        }
        let (status, lines) =
            run(with_rights_of(client(folder, &app, words), "demo/engineer")).await;
        assert_eq!(status, Some(0), "{lines:?}");
    }
    for name in names {
        let (sent, come) = (
            std::fs::read(here.join(name)),
            std::fs::read(there.join(name)),
        );
        assert!(sent.unwrap() == come.unwrap(), "{name}");
    }
}

async fn kill_after(mut command: Command, pause: Duration) {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    // Waits for nothing: the pause itself is what is tried out.
    tokio::time::sleep(pause).await;
    child.kill().unwrap();
    tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap()
        .unwrap();
}
