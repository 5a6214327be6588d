// SPDX-License-Identifier: MPL-2.0
//! Manifests from enemies: a clear error, bounded work, and no request to anybody.

use std::{fs::File, io::Write as _};

use serde_json::{Value, json};

use crate::{
    home::{Home, digest, record, with},
    server::Server,
};

/// Runs fetch and upload, which must fail before they ask the server; returns what fetch said.
fn refused(home: &Home) -> String {
    let server = Server::of(b"x");
    let before = home.names(".");
    let url = server.url();
    let run = home.run(&["fetch", "--url", &url]);
    assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    let upload = home.run(&["upload", "--message=m", "--url", &url]);
    assert_eq!(upload.status, 1, "{}", upload.stderr);
    assert_eq!(server.requests().len(), 0);
    assert_eq!(home.names("."), before);
    run.stderr
}

fn refused_record(members: Value) -> String {
    let home = Home::new();
    home.write("a", "kept, although it is invalid");
    home.manifest(&[record("fine", "x"), with(record("a", "x"), members)]);
    let message = refused(&home);
    assert_eq!(home.text("a"), "kept, although it is invalid");
    message
}

#[test]
fn names_that_leave_the_folder_and_wrong_types_are_refused() {
    for (members, rule) in [
        (
            json!({"filename": "../a"}),
            "filename '../a' must not contain / or \\",
        ),
        (
            json!({"filename": "/etc/passwd"}),
            "filename '/etc/passwd' must not contain / or \\",
        ),
        (
            json!({"filename": "a\\b"}),
            "filename 'a\\b' must not contain / or \\",
        ),
        (json!({"filename": ".."}), "filename '..' must name a file"),
        (json!({"filename": "."}), "filename '.' must name a file"),
        (json!({"filename": ""}), "filename '' must name a file"),
        (json!({"filename": ["a"]}), "filename must be a string"),
        (json!({"filename": null}), "filename must be a string"),
        (
            json!({"size": "1"}),
            "size must be a whole number of bytes or null, not \"1\"",
        ),
        (
            json!({"size": 1e300}),
            "size must be a whole number of bytes or null, not 1e+300",
        ),
        (json!({"algorithm": 512}), "algorithm must be a string"),
        (json!({"digest": {}}), "digest must be a string"),
        (json!({"unpack": 1}), "unpack must be true or false"),
        (json!({"visibility": true}), "visibility must be a string"),
        (json!({"version": []}), "version must be a string"),
        (json!({"setup": {}}), "setup must be a string"),
    ] {
        assert_eq!(
            refused_record(members),
            format!("ERROR - failed to load manifest file at 'manifest.tt': record 2: {rule}\n")
        );
    }
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_obeyed() {
    let message = refused_record(json!({"filename": "a\u{1b}[2J\nINFO - fine"}));
    assert!(
        message.ends_with(
            "filename 'a\\u{1b}[2J\\nINFO - fine' must not contain control characters\n"
        )
    );
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn digests_and_duplicates_are_refused() {
    for (members, rule) in [
        (
            json!({"digest": digest("x").to_uppercase()}),
            "is invalid: a sha512 digest is 128 characters",
        ),
        (
            json!({"digest": &digest("x")[1..]}),
            "is invalid: a sha512 digest is 128 characters",
        ),
        (
            json!({"digest": format!("{}\n", digest("x"))}),
            "is invalid: a sha512 digest is 128 characters",
        ),
        (
            json!({"digest": "../../etc/passwd"}),
            "is invalid: a sha512 digest is 128 characters",
        ),
        (
            json!({"algorithm": "md5"}),
            "algorithm 'md5' is not supported, only sha512",
        ),
        (
            json!({"filename": "fine", "size": 2}),
            "manifest has two different files named 'fine'",
        ),
    ] {
        let message = refused_record(members);
        assert!(message.starts_with("ERROR - "), "{message}");
        assert!(message.contains(rule), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn depth_and_number_have_bounds() {
    let home = Home::new();
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    for text in [deep.clone(), format!("[{{\"filename\": {deep}}}]")] {
        home.write("manifest.tt", text);
        let message = refused(&home);
        let rule = "record 1 is not valid JSON: recursion limit exceeded";
        assert!(message.contains(rule), "{message}");
    }
    home.write(
        "manifest.tt",
        format!("[{}]", vec!["{}"; 1_000_000].join(",")),
    );
    let message = refused(&home);
    assert!(
        message.ends_with("a manifest must not have more than 100000 records\n"),
        "{message}"
    );
    for text in [
        &b"[{\"filename\": \"\xff\xfe\"}]"[..],
        b"[",
        b"",
        b"\0",
        b"[nul]",
        b"5",
        b"{}",
    ] {
        home.write("manifest.tt", text);
        assert_eq!(refused(&home).lines().count(), 1);
    }
}

/// The file has a hole, so that the test needs no gigabyte.
#[test]
fn a_manifest_of_a_gigabyte_is_refused_without_reading_it() {
    let home = Home::new();
    let mut file = File::create(home.at("manifest.tt")).unwrap();
    file.write_all(b"[").unwrap();
    file.set_len(1 << 30).unwrap();
    assert_eq!(
        refused(&home),
        "ERROR - failed to load manifest file at 'manifest.tt': \
         the file is longer than 67108864 bytes\n"
    );
}
