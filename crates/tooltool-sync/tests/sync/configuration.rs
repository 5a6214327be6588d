// SPDX-License-Identifier: MPL-2.0
//! The configuration and the command line.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use crate::site::{COMPLETED, Site, to_both};

fn invalid(site: &Site, words: &[&str], first: &str) {
    let run = site.run_with(words);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{first}");
    let lines: Vec<_> = run.stderr.lines().collect();
    assert!(
        lines[0].starts_with(&format!("CRITICAL - {first}")),
        "{}",
        run.stderr
    );
    assert_eq!(
        lines[lines.len() - 1],
        "CRITICAL - Invalid configuration file"
    );
    // The log file has them too.
    let log = site.text("tooltool_sync.log");
    for line in lines {
        assert!(log.contains(&format!(" - {line}\n")), "{log}");
    }
}

#[test]
fn an_invalid_configuration_is_critical_and_nothing_is_done() {
    for (name, value, first) in [
        (
            "upload_root",
            json!("/nonexistent"),
            "upload_root must be an existing directory",
        ),
        (
            "target_folders",
            json!({"pub": "/nonexistent"}),
            "target_folders.pub must be an existing directory",
        ),
        (
            "smtp_port",
            json!(0),
            "smtp_port must be a whole number from 1 to 65535, not 0",
        ),
    ] {
        let site = Site::new().with(name, value);
        site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
        invalid(&site, &[], first);
        assert!(site.names("pub").is_empty());
        assert!(site.mail.take().is_empty());
    }
    let mut site = Site::new();
    site.config = json!([]);
    invalid(&site, &[], "config.json: must hold a JSON object");
}

#[test]
fn a_configuration_that_cannot_be_read_is_critical() {
    let site = Site::new();
    invalid(
        &site,
        &["--config", "absent.json"],
        "absent.json: cannot be read: No such file",
    );
    site.write("torn.json", "{\"upload_root\": ");
    invalid(
        &site,
        &["--config", "torn.json"],
        "torn.json: is not valid JSON: EOF",
    );
}

#[test]
fn without_options_everything_is_in_the_working_directory() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let run = site.run_with(&[]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
    assert!(
        site.text("tooltool_sync.log")
            .contains(" - INFO - alice/pub/a-package.tt: published")
    );
    assert!(
        site.names(".")
            .iter()
            .any(|name| name.ends_with(".MANIFESTS"))
    );
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn the_log_goes_where_it_is_asked_to() {
    let site = Site::new().with("unknown_member", json!(1));
    let run = site.run_with(&["--state-dir", "a/new/state", "--log", "-"]);
    assert_eq!(run.status, 0);
    let line = "WARNING - 'unknown_member' in the configuration means nothing\n";
    assert_eq!(run.stderr, line);
    assert_eq!(site.names("a/new/state"), ["tooltool-sync.d"]);
    let run = site.run_with(&["--state-dir", "state", "--log", "own.log"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(site.text("own.log").ends_with(line));
    let run = site.run_with(&["--state-dir", "state", "--log", "absent/own.log"]);
    assert_eq!(run.status, 0);
    assert!(
        run.stderr
            .starts_with("ERROR - absent/own.log: No such file"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_log_is_rotated() {
    let site = Site::new()
        .with("log_max_bytes", json!(1024))
        .with("log_backups", json!(2));
    for n in 0..40 {
        let name = format!("package-number-{n}");
        site.drop_package("alice/pub", &name, &[], None);
        site.run();
    }
    let logs: Vec<_> = site
        .names("state")
        .into_iter()
        .filter(|name| name.starts_with("tooltool_sync.log"))
        .collect();
    assert_eq!(
        logs,
        [
            "tooltool_sync.log",
            "tooltool_sync.log.1",
            "tooltool_sync.log.2"
        ]
    );
    for log in logs {
        let length = fs::metadata(site.at("state").join(log)).unwrap().len();
        assert!(length < 2048, "{length}");
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_a_failure() {
    let site = Site::new();
    site.write("file", "");
    let run = site.run_with(&["--state-dir", "file", "--log", "-"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.starts_with("CRITICAL - file: "),
        "{}",
        run.stderr
    );
    symlink("loop", site.at("loop")).unwrap();
    let run = site.run_with(&["--state-dir", "loop/state", "--log", "-"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.starts_with("CRITICAL - loop/state: "),
        "{}",
        run.stderr
    );
}

#[test]
fn help_version_and_wrong_usage_are_what_people_expect() {
    let site = Site::new();
    let run = site.run_with(&["--help"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    for option in ["--config", "--state-dir", "--once", "--interval", "--log"] {
        assert!(run.stdout.contains(option), "{}", run.stdout);
    }
    let run = site.run_with(&["--version"]);
    let version = concat!("tooltool-sync ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((run.status, run.stdout.as_str()), (0, version));
    for words in [
        &["--unknown"][..],
        &["--interval", "0"],
        &["--interval", "soon"],
        &["--once", "--interval", "5"],
        &["word"],
    ] {
        let run = site.run_with(words);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{words:?}");
        assert!(
            run.stderr.contains("For more information, try '--help'."),
            "{}",
            run.stderr
        );
    }
}
