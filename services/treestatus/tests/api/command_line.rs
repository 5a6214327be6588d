// SPDX-License-Identifier: MPL-2.0
//! The commands that all services share, run as an operator runs them.

use std::process::{Command, Output};

use releng_testkit::process::Process;
use releng_testkit::temp;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-treestatus");

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_bad_setting_is_one_line_and_status_2() {
    let table = [
        (
            ("PORT", "http"),
            "error: PORT: must be a whole number from 0 to 65535, not \"http\"\n",
        ),
        (
            ("DATABASE_URL", "mysql://x"),
            "error: DATABASE_URL: must begin with sqlite://, postgres:// or postgresql://\n",
        ),
        (
            ("DATA_DIR", "/proc/nowhere"),
            "error: DATABASE_URL, DATA_DIR: /proc/nowhere/treestatus.db cannot be written: \
             No such file or directory (os error 2)\n",
        ),
        (
            ("LOG_FORMAT", "xml"),
            "error: LOG_FORMAT: must be text or mozlog\n",
        ),
        (
            ("AUTH_CLIENTS_FILE", "/nowhere.yaml"),
            "error: AUTH_CLIENTS_FILE: /nowhere.yaml cannot be read: \
             No such file or directory (os error 2)\n",
        ),
        (
            ("TASKCLUSTER_ROOT_URL", "ftp://x"),
            "error: TASKCLUSTER_ROOT_URL: must be an http or https address, not \"ftp://x\"\n",
        ),
    ];
    let folder = temp::dir();
    let data = folder.path().display().to_string();
    for (setting, line) in table {
        let mut settings = vec![("DATA_DIR", data.as_str()), ("PORT", "0")];
        settings.retain(|(name, _)| *name != setting.0);
        settings.push(setting);
        let output = run(&["serve"], &settings);
        assert_eq!(stderr(&output), line);
        assert_eq!(output.status.code(), Some(2), "{setting:?}");
    }
}

#[test]
fn config_shows_what_is_in_force_and_no_password() {
    let settings = [
        ("DATABASE_URL", "postgres://releng:hush@db/trees"),
        ("PORT", "8999"),
    ];
    let output = run(&["config"], &settings);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |name: &str| {
        text.lines()
            .find(|l| l.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("DATABASE_URL ").ends_with("postgres://releng:****@db/trees  (environment)"));
    assert!(line("PORT ").ends_with("8999  (environment)"));
    assert!(line("DATA_DIR ").ends_with("./data  (default)"));
}

#[test]
fn an_unknown_key_of_the_file_is_status_2() {
    let folder = temp::dir();
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, "port = 8021\nprot = 8022\n").unwrap();
    let output = run(&["config", "--config", &path.display().to_string()], &[]);
    assert_eq!(
        stderr(&output),
        "error: prot: is not a setting of this service\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn wrong_usage_is_status_2_and_help_is_0() {
    assert_eq!(run(&["dance"], &[]).status.code(), Some(2));
    assert_eq!(run(&["--help"], &[]).status.code(), Some(0));
    assert_eq!(run(&["--version"], &[]).status.code(), Some(0));
}

#[test]
fn healthcheck_tells_a_running_instance_from_none() {
    let folder = temp::dir();
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    let port = process.address().rsplit(':').next().unwrap().to_owned();
    assert_eq!(
        run(&["healthcheck"], &[("PORT", &port)]).status.code(),
        Some(0)
    );
    assert!(process.terminate().success());
    assert_eq!(
        run(&["healthcheck"], &[("PORT", &port)]).status.code(),
        Some(1)
    );
}
