// SPDX-License-Identifier: MPL-2.0
//! A wrong setting is one line and exit status 2.
use std::process::Command;

use releng_testkit::temp;

use crate::output_in_time;

fn refusal(settings: &[(&str, &str)]) -> String {
    let folder = temp::dir();
    let mut command = Command::new(env!("CARGO_BIN_EXE_releng-buildhub"));
    command
        .env_clear()
        .env("DATA_DIR", folder.path())
        .env("PORT", "0")
        .envs(settings.iter().copied());
    // Settings that are taken make a server, which does not end by itself.
    let output = output_in_time(command);
    assert_eq!(output.status.code(), Some(2), "{settings:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn parts_that_this_version_does_not_have_are_refused_by_name() {
    for name in [
        "SQS_QUEUE_URL",
        "SQS_S3_BUCKET_URL",
        "S3_BUCKET_URL",
        "ES_URLS",
        "ES_BUILD_INDEX",
        "KINTO_DATABASE_URL",
    ] {
        let expected = format!("error: {name}: is not supported by this version; unset it\n");
        assert_eq!(refusal(&[(name, "https://demo.example.com/x")]), expected);
        let django = format!("DJANGO_{name}");
        assert_eq!(
            refusal(&[(&django, "https://demo.example.com/x")]),
            expected
        );
    }
    assert_eq!(
        refusal(&[("DJANGO_BQ_ENABLED", "True")]),
        "error: BQ_ENABLED: is not supported by this version; unset it\n"
    );
}

#[test]
fn folders_that_cannot_be_used_are_refused_by_name() {
    for (name, folder) in [
        ("ARCHIVE_DIR", "the folder"),
        ("INDEX_DIR", "the index folder"),
    ] {
        for path in ["/proc/x", "/dev/null", "/dev/null/x"] {
            let error = refusal(&[(name, path)]);
            let expected = format!("error: {name}: {folder} {path} cannot be used: ");
            assert!(error.starts_with(&expected), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for (name, value, expected) in [
        (
            "MAX_SEARCH_SIZE",
            "0",
            "MAX_SEARCH_SIZE: must be at least 1",
        ),
        (
            "INDEX_POLL_MILLISECONDS",
            "0",
            "INDEX_POLL_MILLISECONDS: must be at least 1",
        ),
        (
            "BETA_COPY",
            "maybe",
            "BETA_COPY: must be true or false, not \"maybe\"",
        ),
        (
            "CSP_REPORT_URI",
            "/report\nX-Header: x",
            "CSP_REPORT_URI: must be an address without blanks, line breaks, commas and \
             semicolons, not \"/report\\nX-Header: x\"",
        ),
        (
            "DJANGO_CSP_REPORT_URI",
            "/report; script-src *",
            "CSP_REPORT_URI: must be an address without blanks, line breaks, commas and \
             semicolons, not \"/report; script-src *\"",
        ),
        (
            "MAX_RECORD_BYTES",
            "big",
            "MAX_RECORD_BYTES: must be a size such as 64MiB, not \"big\"",
        ),
    ] {
        assert_eq!(refusal(&[(name, value)]), format!("error: {expected}\n"));
    }
    let error = refusal(&[("SCHEMA_FILE", "/nowhere/schema.yaml")]);
    assert!(
        error.starts_with("error: SCHEMA_FILE: /nowhere/schema.yaml cannot be read: "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}
