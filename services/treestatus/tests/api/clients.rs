// SPDX-License-Identifier: MPL-2.0
//! What known clients do (treestatus.md §10), as the scripts in `tests/clients` do it. They can be run by
//! hand against any treestatus.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use releng_testkit::database::{Backend, backends};
use serde_json::json;

use crate::outage::Pair;
use crate::{App, apps};

fn command(script: &str, arguments: &[&str]) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let mut command = Command::new("python3");
    command.arg(path).args(arguments).env("no_proxy", "*");
    command
}

/// Runs a client and returns its exit status and what it says.
async fn run(script: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = command(script, arguments);
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert!(!errors.contains("Traceback"), "{errors}");
    (
        status.code().unwrap(),
        format!("{}{errors}", text).trim().to_owned(),
    )
}

async fn says(script: &str, app: &App, tree: &str) -> String {
    run(script, &[app.0.address(), tree]).await.1
}

/// Makes one tree of each status.
async fn trees(app: &App) {
    for (name, status) in [
        ("open", "open"),
        ("closed", "closed"),
        ("careful", "approval required"),
    ] {
        app.tree(name).await;
        let body = json!({"trees": [name], "status": status, "reason": "bug 1", "tags": ["infra"]});
        assert_eq!(app.update(body).await.status, 204);
    }
}

#[actix_web::test]
async fn the_push_hook_lets_in_what_the_tree_allows() {
    for app in apps().await {
        trees(&app).await;
        let base = app.0.address();
        for (repository, message, code, text) in [
            (
                "https://hg.example.com/integration/open",
                "Bug 2",
                0,
                "open may be pushed to",
            ),
            (
                "https://hg.example.com/integration/closed/",
                "Bug 2",
                1,
                "closed is CLOSED: bug 1",
            ),
            (
                "https://hg.example.com/closed",
                "Bug 2, CLOSED TREE",
                0,
                "closed may be pushed to",
            ),
            (
                "https://hg.example.com/careful",
                "Bug 2",
                1,
                "careful needs APPROVAL: bug 1",
            ),
            (
                "https://hg.example.com/careful",
                "Bug 2, a=somebody",
                0,
                "careful may be pushed to",
            ),
        ] {
            let answer = run("push_hook.py", &[base, repository, message]).await;
            assert_eq!(answer, (code, text.to_owned()));
        }
        // A reason alone closes nothing and opens nothing (D-26).
        app.update(json!({"trees": ["closed"], "reason": "bug 9"}))
            .await;
        let answer = run("push_hook.py", &[base, "closed", "Bug 2"]).await;
        assert_eq!(answer, (1, "closed is CLOSED: bug 9".to_owned()));
        let (code, text) = run("push_hook.py", &[base, "nope", "Bug 2"]).await;
        assert_eq!(code, 1);
        assert!(text.contains("404"), "{text}");
    }
}

#[actix_web::test]
async fn landing_clients_take_unknown_trees_for_open() {
    for app in apps().await {
        trees(&app).await;
        for (tree, autoland, lando) in [
            ("open", "open", "landable"),
            ("careful", "closed", "landable"),
            ("closed", "closed", "blocked"),
            ("nope", "open", "landable"),
        ] {
            assert_eq!(says("autoland.py", &app, tree).await, autoland, "{tree}");
            assert_eq!(says("lando.py", &app, tree).await, lando, "{tree}");
        }
    }
}

#[actix_web::test]
async fn release_automation_asks_again_until_it_is_answered() {
    for app in apps().await {
        trees(&app).await;
        assert_eq!(says("landoscript.py", &app, "closed").await, "closed");
        assert_eq!(says("landoscript.py", &app, "careful").await, "open");
        let (code, text) = run("landoscript.py", &[app.0.address(), "nope", "0.1"]).await;
        assert_eq!((code, text.lines().count()), (1, 10), "{text}");

        let mut script = command("landoscript.py", &[app.0.address(), "late", "30"]);
        let script = script.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut script = script.spawn().unwrap();
        let errors = script.stderr.take().unwrap();
        let (lines, errors) = tokio::task::spawn_blocking(move || {
            let mut errors = BufReader::new(errors);
            let mut line = String::new();
            errors.read_line(&mut line).unwrap();
            (line, errors)
        })
        .await
        .unwrap();
        assert!(lines.starts_with("try 1: HTTP Error 404"), "{lines}");
        app.tree("late").await;
        let output = tokio::task::spawn_blocking(move || script.wait_with_output());
        let output = output.await.unwrap().unwrap();
        drop(errors);
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "open");
    }
}

#[actix_web::test]
async fn a_dashboard_in_a_browser_reads_trees_and_missing_ones() {
    for app in apps().await {
        trees(&app).await;
        app.update(json!({"trees": ["closed"], "message_of_the_day": "see Bug 22"}))
            .await;
        let link = |bug| format!("(https://bugzilla.mozilla.org/show_bug.cgi?id={bug})");
        assert_eq!(
            says("treeherder.py", &app, "closed").await,
            format!(
                "closed: closed | [bug 1]{} | see [Bug 22]{}",
                link(1),
                link(22)
            )
        );
        assert_eq!(says("treeherder.py", &app, "nope").await, "unsupported");
    }
}

#[actix_web::test]
async fn bots_read_flat_answers_and_the_log() {
    for app in apps().await {
        trees(&app).await;
        for n in 0..7 {
            let status = ["open", "closed"][n % 2];
            app.update(json!({"trees": ["open"], "status": status, "reason": n.to_string(), "tags": ["infra"]}))
                .await;
        }
        let text = says("v0_bot.py", &app, "open").await;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["open is open: 6", "closed 3 times"], "{text}");
        assert_eq!(lines.len(), 7, "{text}");
        assert!(lines[2].ends_with(" demo/sheriff: open (2)"), "{text}");
        assert!(lines[6].ends_with(" demo/sheriff: open (6)"), "{text}");
    }
}

#[actix_web::test]
async fn pushes_are_decided_while_the_database_is_gone() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let pair = Pair::start("120").await;
    pair.other.tree("b").await;
    assert_eq!(
        pair.app.result("/trees").await.as_object().unwrap().len(),
        2
    );
    pair.cut().await;
    let base = pair.app.0.address();
    let answer = run("push_hook.py", &[base, "b", "Bug 2"]).await;
    assert_eq!(answer, (0, "b may be pushed to".to_owned()));
    let answer = run("push_hook.py", &[base, "a", "Bug 2"]).await;
    assert_eq!(answer, (1, "a is CLOSED: bug 1".to_owned()));
    assert_eq!(says("autoland.py", &pair.app, "nope").await, "open");
    assert_eq!(
        says("treeherder.py", &pair.app, "nope").await,
        "unsupported"
    );
    assert_eq!(says("landoscript.py", &pair.app, "a").await, "closed");
}
