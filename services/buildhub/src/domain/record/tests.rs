// SPDX-License-Identifier: MPL-2.0
//! Hashes on the right-hand side come from Python's `json` and `hashlib`.
use serde_json::{Value, json};

use super::{Record, document};
use crate::domain::RecordSchema;

fn record() -> Value {
    json!({
        "build": {"id": "20180510180217", "number": 3, "as": "é 😀"},
        "source": {"product": "firefox", "revision": "abc"},
        "target": {
            "platform": "linux-x86_64", "locale": "en-US", "version": "61.0", "channel": "release",
        },
        "download": {
            "url": "https://archive.mozilla.org/pub/x/y.tar.bz2",
            "mimetype": "application/octet-stream",
            "size": 52113222,
            "date": "2018-05-10T18:02:17Z",
        },
    })
}

fn parse(text: &str) -> Result<Record, String> {
    Record::parse(text.as_bytes(), &RecordSchema::built_in().unwrap())
}

fn hashes(text: &str, with_beta_copy: bool) -> Vec<String> {
    let builds = parse(text).unwrap().builds(with_beta_copy);
    builds.into_iter().map(|build| build.hash).collect()
}

#[test]
fn a_release_of_firefox_is_kept_twice_unless_the_copy_is_off() {
    let text = record().to_string();
    let (own, copy) = (
        "v1:95818b7861dd3e05db80491b400fb675",
        "v1:b8338328f75cc426af89f3d497a8ed88",
    );
    assert_eq!(hashes(&text, true), [own, copy]);
    assert_eq!(hashes(&text, false), [own]);
    for (pointer, other) in [("/source/product", "fennec"), ("/target/channel", "esr")] {
        let mut record = record();
        *record.pointer_mut(pointer).unwrap() = json!(other);
        assert_eq!(hashes(&record.to_string(), true).len(), 1);
    }
}

#[test]
fn the_hash_is_that_of_python_whatever_the_spelling_of_the_file() {
    let spaced = serde_json::to_string_pretty(&record())
        .unwrap()
        .replace('é', "\\u00E9");
    assert_eq!(
        hashes(&spaced, false),
        ["v1:95818b7861dd3e05db80491b400fb675"]
    );
    let text = record().to_string();
    for (size, hash) in [
        ("5", "v1:4edf75d397146653e8e0f9e2ef1531d7"),
        ("5.0", "v1:da113d3b265c8d7e257db4fee249919a"),
        (
            "1000000000000000000000000000000",
            "v1:fa0aa174a092bc4a85c6fe2a88f0a00a",
        ),
    ] {
        assert_eq!(
            hashes(&text.replace("52113222", size), false),
            [hash],
            "{size}"
        );
    }
}

#[test]
fn every_broken_rule_is_named() {
    let cases: [(&str, Value, &str); 14] = [
        ("", json!([]), "[] is not of type 'object'"),
        (
            "/target",
            Value::Null,
            "None is not of type 'object' (at target)",
        ),
        (
            "/target",
            json!({"platform": "p", "locale": "l", "version": "v"}),
            "'channel' is a required property (at target)",
        ),
        (
            "/source",
            json!({"product": "p", "junk": 1}),
            "Additional properties are not allowed ('junk' was unexpected) (at source)",
        ),
        (
            "/build/id",
            json!(20_180_510),
            "20180510 is not of type 'string' (at build.id)",
        ),
        (
            "/build/number",
            json!("3"),
            "'3' is not of type 'integer' (at build.number)",
        ),
        (
            "/build/number",
            json!(1.5),
            "1.5 is not of type 'integer' (at build.number)",
        ),
        (
            "/build/number",
            json!(true),
            "True is not of type 'integer' (at build.number)",
        ),
        (
            "/build/as",
            json!(["a"]),
            "['a'] is not of type 'string' (at build.as)",
        ),
        (
            "/build/as",
            json!("a\u{0}"),
            "a text must not contain NUL characters",
        ),
        (
            "/source/product",
            Value::Null,
            "None is not of type 'string' (at source.product)",
        ),
        (
            "/download/size",
            json!("1"),
            "'1' is not of type 'integer' (at download.size)",
        ),
        (
            "/download/url",
            json!(7),
            "7 is not of type 'string' (at download.url)",
        ),
        (
            "/target/version",
            json!(61.0),
            "61.0 is not of type 'string' (at target.version)",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut record = record();
        *record.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            parse(&record.to_string()).unwrap_err(),
            expected,
            "{pointer}"
        );
    }
    let mut record = record();
    record["target"]["os"] = json!("windows");
    let options = "'windows' is not one of ['linux', 'win', 'mac', 'android', 'maemo']";
    assert_eq!(
        parse(&record.to_string()).unwrap_err(),
        format!("{options} (at target.os)")
    );
    record["target"]["os"] = json!("win");
    record["download"]["date"] = json!("yesterday");
    assert!(parse(&record.to_string()).is_ok(), "dates are not checked");
    record.as_object_mut().unwrap().remove("build");
    assert_eq!(
        parse(&record.to_string()).unwrap_err(),
        "'build' is a required property"
    );
}

#[test]
fn what_is_no_json_is_refused_with_the_place() {
    assert_eq!(
        parse("{\"build\": ").unwrap_err(),
        "is not JSON: Expecting value: line 1 column 11 (char 10)"
    );
    let error = Record::parse(b"\xff", &RecordSchema::built_in().unwrap()).unwrap_err();
    assert!(error.starts_with("is not UTF-8: "), "{error}");
}

#[test]
fn a_document_has_no_empty_groups() {
    let build = json!({"build": {}, "source": {"product": "p", "tree": null}, "x": {"y": 1}});
    assert_eq!(
        document(7, &build),
        json!({"id": 7, "source": {"product": "p"}})
    );
}

#[test]
fn a_schema_file_that_is_none_says_why() {
    for (text, expected) in [
        ("a: [", "is not YAML: "),
        ("other: {}", "has no key \"schema\""),
        ("schema: {type: 7}", "holds no JSON Schema: "),
    ] {
        let error = RecordSchema::parse(text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}
