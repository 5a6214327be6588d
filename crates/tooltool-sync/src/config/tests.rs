// SPDX-License-Identifier: MPL-2.0
//! What a configuration may and may not be.

use serde_json::json;

use super::*;

fn valid() -> Value {
    json!({
        "upload_root": "/",
        "target_folders": {"pvt": "/tmp", "pub": "/"},
        "smtp_server": "localhost", "smtp_port": 25,
        "smtp_from": "no-reply@example.com",
        "default_domain": "example.com",
    })
}

fn parse(value: &Value) -> Result<Config, Vec<String>> {
    Config::parse(value.as_object().unwrap())
}

#[test]
fn the_documented_file_is_understood() {
    let mut value = valid();
    value["user_email_mapping"] = json!({"alice": "alice@example.org"});
    value["comment"] = json!("ours");
    let config = parse(&value).unwrap();
    assert_eq!(config.unknown, ["comment"]);
    assert_eq!(config.on_failure, OnFailure::Keep);
    assert_eq!(config.smtp.timeout, Duration::from_secs(30));
    let address = |user| config.addresses.of(user).map(|address| address.to_string());
    assert_eq!(address("alice").unwrap(), "alice@example.org");
    assert_eq!(address("bob").unwrap(), "bob@example.com");
    let refused = address("b ob").unwrap_err();
    assert!(
        refused.starts_with("'b ob@example.com' is no address ("),
        "{refused}"
    );
}

#[test]
fn every_member_but_the_mapping_is_required() {
    let nothing = parse(&json!({})).unwrap_err();
    assert_eq!(
        nothing,
        [
            "upload_root is required",
            "target_folders is required",
            "smtp_server is required",
            "smtp_port is required",
            "smtp_from is required",
            "default_domain is required",
        ]
    );
    assert!(parse(&valid()).is_ok());
}

#[test]
fn each_wrong_member_is_named_with_its_rule() {
    for (name, wrong, problem) in [
        ("upload_root", json!(1), "upload_root must be a string"),
        ("upload_root", json!(""), "upload_root must not be empty"),
        (
            "upload_root",
            json!("/etc/passwd"),
            "upload_root must be an existing directory, '/etc/passwd' is a file",
        ),
        (
            "upload_root",
            json!("/nonexistent"),
            "upload_root must be an existing directory, '/nonexistent' is not: \
             No such file or directory (os error 2)",
        ),
        (
            "target_folders",
            json!([]),
            "target_folders must be an object",
        ),
        (
            "target_folders",
            json!({"pub": "/nonexistent"}),
            "target_folders.pub must be an existing directory, '/nonexistent' is not: \
             No such file or directory (os error 2)",
        ),
        (
            "target_folders",
            json!({"pub": 1}),
            "target_folders.pub must be a directory or an object with store and visibility",
        ),
        (
            "target_folders",
            json!({"a/b": "/"}),
            "target_folders.a/b is not the name of a directory",
        ),
        ("smtp_server", json!(null), "smtp_server must be a string"),
        (
            "smtp_port",
            json!("25"),
            "smtp_port must be a whole number from 1 to 65535, not \"25\"",
        ),
        (
            "smtp_port",
            json!(65536),
            "smtp_port must be a whole number from 1 to 65535, not 65536",
        ),
        (
            "smtp_from",
            json!("nobody"),
            "smtp_from 'nobody' is no mail address: Invalid input",
        ),
        (
            "user_email_mapping",
            json!({"a": 1}),
            "user_email_mapping.a must be a string",
        ),
        (
            "user_email_mapping",
            json!({"a": "a@b\r\nc: d"}),
            "user_email_mapping.a 'a@b\r\nc: d' is no mail address: Invalid input",
        ),
        (
            "default_domain",
            json!("a b"),
            "default_domain 'a b' is no domain: Invalid email domain",
        ),
        (
            "on_failure",
            json!("forget"),
            "on_failure must be \"keep\" or \"delete\", not \"forget\"",
        ),
        (
            "smtp_timeout_seconds",
            json!(0),
            "smtp_timeout_seconds must be a whole number from 1 to 3600, not 0",
        ),
        (
            "max_folder_entries",
            json!(-1),
            "max_folder_entries must be a whole number from 1 to 10000000, not -1",
        ),
    ] {
        let mut value = valid();
        value[name] = wrong;
        assert_eq!(parse(&value).unwrap_err(), [problem]);
    }
}

#[test]
fn a_store_is_checked_like_a_folder() {
    let store = |value: Value| {
        let mut all = valid();
        all["target_folders"] = json!({"pub": value});
        parse(&all)
    };
    let good = json!({"store": "https://tooltool.example.com", "visibility": "internal"});
    let config = store(good).unwrap();
    let Some(Target::Store(found)) = config.targets.get("pub") else {
        panic!("{config:?}");
    };
    assert_eq!(found.server.to_string(), "https://tooltool.example.com/");
    assert_eq!(found.visibility, Visibility::Internal);
    for (value, problems) in [
        (
            json!({}),
            vec![
                "target_folders.pub.store is required",
                "target_folders.pub.visibility is required",
            ],
        ),
        (
            json!({"store": "ftp://a", "visibility": "secret", "authentication_file": "/nonexistent"}),
            vec![
                "target_folders.pub.store: 'ftp://a' is not a server URL: it must begin with \
                 http:// or https://",
                "target_folders.pub.visibility must be \"public\" or \"internal\", not \"secret\"",
                "target_folders.pub.authentication_file '/nonexistent': cannot read the \
                 authentication file: No such file or directory (os error 2)",
            ],
        ),
        (
            json!({"store": "http://a/", "visibility": "public", "authentication": "x"}),
            vec!["target_folders.pub.authentication is not a member of a store"],
        ),
    ] {
        assert_eq!(store(value).unwrap_err(), problems);
    }
}
