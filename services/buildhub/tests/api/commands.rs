// SPDX-License-Identifier: MPL-2.0
//! The commands of the binary, alone and beside a running server.
use std::path::Path;
use std::process::{Command, Output};

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::Value;

use crate::sample::{record, write};
use crate::{App, PATIENCE, output_in_time};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-buildhub");

fn run(data: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", data)
        .current_dir(data)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

async fn total(address: &str) -> Value {
    let url = format!("{address}/api/search");
    let response = reqwest::Client::new().get(url).send().await.unwrap();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    body["hits"]["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_taken_in_by_command_are_found_by_a_server_that_runs_or_starts_later() {
    let folder = temp::dir();
    let files = temp::dir();
    write(
        files.path(),
        "a/buildhub.json",
        record(0).to_string().as_bytes(),
    );
    write(
        files.path(),
        "b/demo.buildhub.json",
        record(1).to_string().as_bytes(),
    );
    write(files.path(), "b/other.json", b"not looked at");
    let path = files.path().display().to_string();
    let output = run(folder.path(), &["ingest", &path]);
    assert_eq!(
        stdout(&output),
        "inserted 3, known 0, invalid 0, unreadable 0\n"
    );
    assert!(output.status.success());
    let output = run(folder.path(), &["ingest", &path]);
    assert_eq!(
        stdout(&output),
        "inserted 0, known 2, invalid 0, unreadable 0\n"
    );

    let process = Process::serve(BINARY, folder.path(), &[]);
    let found = |expected: u64| {
        let address = process.address().to_owned();
        eventually(PATIENCE, move || {
            let address = address.clone();
            async move { (total(&address).await == expected).then_some(()) }
        })
    };
    found(3).await;
    write(files.path(), "other", record(2).to_string().as_bytes());
    let output = run(
        folder.path(),
        &["ingest", &files.path().join("other").display().to_string()],
    );
    assert_eq!(
        stdout(&output),
        "inserted 1, known 0, invalid 0, unreadable 0\n"
    );
    found(4).await;
    for name in ["reindex", "reindex-elasticsearch"] {
        let output = run(folder.path(), &[name]);
        assert_eq!(
            (stdout(&output).as_str(), output.status.code()),
            ("4 records indexed\n", Some(0))
        );
        assert_eq!(total(process.address()).await, 4);
    }
}

#[test]
fn a_file_that_is_no_record_makes_the_command_fail_and_the_others_go_in() {
    let folder = temp::dir();
    write(folder.path(), "in/a/buildhub.json", b"{}");
    write(
        folder.path(),
        "in/b/buildhub.json",
        record(0).to_string().as_bytes(),
    );
    let output = run(folder.path(), &["ingest", "in"]);
    assert_eq!(
        stdout(&output),
        "inserted 1, known 0, invalid 1, unreadable 0\n"
    );
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        log.contains("in/a/buildhub.json: 'build' is a required property"),
        "{log}"
    );
    let output = run(folder.path(), &["ingest", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: nowhere does not exist\n"
    );
}

#[test]
fn a_pipe_is_no_record_and_nothing_waits_for_its_other_end() {
    let folder = temp::dir();
    let record = record(0).to_string();
    write(folder.path(), "in/b/buildhub.json", record.as_bytes());
    let pipe = folder.path().join("in/buildhub.json");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut command = Command::new(BINARY);
    command
        .args(["ingest", "in"])
        .env_clear()
        .env("DATA_DIR", folder.path())
        .current_dir(folder.path());
    let output = output_in_time(command);
    assert_eq!(
        stdout(&output),
        "inserted 1, known 0, invalid 0, unreadable 1\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_link_to_a_folder_is_not_followed_and_that_is_said_once() {
    let folder = temp::dir();
    let record = record(0).to_string();
    write(folder.path(), "elsewhere/buildhub.json", record.as_bytes());
    for name in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join("in")).unwrap();
        std::os::unix::fs::symlink("../elsewhere", folder.path().join("in").join(name)).unwrap();
    }
    let output = run(folder.path(), &["ingest", "in"]);
    assert_eq!(
        stdout(&output),
        "inserted 0, known 0, invalid 0, unreadable 0\n"
    );
    let log = String::from_utf8(output.stderr).unwrap();
    let told = log.matches("links to folders in the archive are not followed");
    assert_eq!(told.count(), 1, "{log}");
}

#[test]
fn an_index_can_be_built_while_no_server_runs() {
    let folder = temp::dir();
    write(
        folder.path(),
        "in/buildhub.json",
        record(0).to_string().as_bytes(),
    );
    assert!(run(folder.path(), &["ingest", "in"]).status.success());
    let output = run(folder.path(), &["reindex"]);
    assert_eq!(
        (stdout(&output).as_str(), output.status.code()),
        ("1 records indexed\n", Some(0))
    );
}

#[test]
fn with_sqlite_there_is_no_daemon_beside_the_server() {
    let folder = temp::dir();
    let output = run(folder.path(), &["daemon"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: DATABASE_URL: with SQLite `serve` watches the archive itself\n"
    );
}

#[actix_web::test]
async fn on_postgresql_a_daemon_takes_files_in_and_the_server_finds_them() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let app = App(TestAppBuilder::new(Backend::Postgres)
        .without_workers()
        .start()
        .await);
    let mut daemon = Command::new(BINARY)
        .arg("daemon")
        .env_clear()
        .env("DATABASE_URL", app.0.database.url())
        .env("ARCHIVE_DIR", app.archive())
        .env("DATA_DIR", app.0.data.path().join("of-the-daemon"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    app.drop_file("a/buildhub.json", record(0).to_string().as_bytes());
    app.found(1).await;
    app.drop_file("b/buildhub.json", record(1).to_string().as_bytes());
    app.found(3).await;
    let id = daemon.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}
