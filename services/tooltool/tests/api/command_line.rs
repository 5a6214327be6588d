// SPDX-License-Identifier: MPL-2.0
//! The binary as an operator runs it.

use std::process::{Command, Output};

use releng_testkit::temp;

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = temp::dir();
    Command::new(env!("CARGO_BIN_EXE_releng-tooltool"))
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", folder.path())
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn a_bad_setting_is_one_line_and_status_2() {
    for (name, value, line) in [
        (
            "S3_REGIONS",
            "x",
            "error: S3_REGIONS: \"x\" must be region:bucket\n",
        ),
        (
            "S3_REGIONS",
            "a:b",
            "error: S3_REGIONS_ACCESS_KEY_ID environment variable is required with S3_REGIONS\n",
        ),
        (
            "UPLOAD_EXPIRES_IN",
            "soon",
            "error: UPLOAD_EXPIRES_IN: must be a whole number from 0 to 4294967295, not \"soon\"\n",
        ),
        (
            "STORE_URL",
            "ftp://x",
            "error: STORE_URL: must begin with file://\n",
        ),
        (
            "CLOUDFRONT_URL",
            "cdn.example.com",
            "error: CLOUDFRONT_KEY_ID environment variable is required with CLOUDFRONT_URL\n",
        ),
        (
            "PULSE_USER",
            "demo",
            "error: PULSE_PASSWORD environment variable is required with PULSE_USER\n",
        ),
    ] {
        for command in ["serve", "worker", "check-pending-uploads"] {
            let output = run(&[command], &[(name, value)]);
            assert_eq!(String::from_utf8_lossy(&output.stderr), line);
            assert_eq!(output.status.code(), Some(2));
        }
    }
}

#[test]
fn both_spellings_of_the_download_life_are_read() {
    for name in ["DOWLOAD_EXPIRES_IN", "DOWNLOAD_EXPIRES_IN"] {
        let output = run(&["config"], &[(name, "77")]);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text
            .lines()
            .find(|l| l.starts_with("DOWLOAD_EXPIRES_IN "))
            .unwrap();
        assert!(line.ends_with("77  (environment)"), "{line}");
    }
}

#[test]
fn a_switch_that_is_neither_true_nor_false_is_off_and_said_to_be() {
    let name = "ALLOW_ANONYMOUS_PUBLIC_DOWNLOAD";
    let output = run(&["config"], &[(name, "maybe"), ("LOG_FORMAT", "text")]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|l| l.starts_with(name)).unwrap();
    assert!(line.ends_with("false  (environment)"), "{line}");
    let log = String::from_utf8(output.stderr).unwrap();
    let warning = "ALLOW_ANONYMOUS_PUBLIC_DOWNLOAD counts as false: only 1 and true are true, \
                   not \"maybe\"";
    assert!(log.contains(warning), "{log}");
}

#[test]
fn secrets_are_masked() {
    let settings = [
        ("S3_REGIONS", "a:b"),
        ("S3_REGIONS_ACCESS_KEY_ID", "demo-key"),
        ("S3_REGIONS_SECRET_ACCESS_KEY", "hush"),
    ];
    let output = run(&["config"], &settings);
    assert!(output.status.success());
    assert!(!String::from_utf8(output.stdout).unwrap().contains("hush"));
}

#[test]
fn one_shot_commands_on_a_new_folder_have_nothing_to_do() {
    for command in ["migrate", "check-pending-uploads", "replicate"] {
        let output = run(&[command], &[]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
