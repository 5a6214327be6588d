// SPDX-License-Identifier: MPL-2.0
//! What a v4 request is refused for.

use releng_symbols::Version;

use super::support;

fn refusal(body: impl AsRef<[u8]>) -> String {
    support::refusal(Version::V4, body)
}

fn refusal_of(memory_map: &str, stacks: &str) -> String {
    refusal(format!(
        r#"{{"memoryMap": {memory_map}, "stacks": {stacks}, "version": 4}}"#
    ))
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    for body in [&b""[..], b"x", b"\xff", b"{\"stacks\": []"] {
        assert_eq!(refusal(body), "Invalid JSON passed in", "{body:?}");
    }
    for body in ["true", "[]", "null", "\"x\"", "5"] {
        assert_eq!(refusal(body), "Not a dict", "{body}");
    }
}

#[test]
fn both_keys_must_be_there() {
    for (body, message) in [
        ("{}", "Missing key JSON \"'stacks'\""),
        (
            r#"{"memoryMap": [], "version": 4}"#,
            "Missing key JSON \"'stacks'\"",
        ),
        (
            r#"{"jobs": [{"memoryMap": [], "stacks": []}]}"#,
            "Missing key JSON \"'stacks'\"",
        ),
        (
            r#"{"stacks": [], "version": 4}"#,
            "Missing key JSON \"'memoryMap'\"",
        ),
    ] {
        assert_eq!(refusal(body), message, "{body}");
    }
}

#[test]
fn the_version_must_be_the_number_4() {
    for version in [
        "3", "5", "\"4\"", "null", "true", "4.5", "-4", "[4]", "1e400",
    ] {
        let body = format!(r#"{{"memoryMap": [], "stacks": [], "version": {version}}}"#);
        assert_eq!(refusal(body), "Expect version==4", "{version}");
    }
    assert_eq!(
        refusal(r#"{"memoryMap": [], "stacks": []}"#),
        "Expect version==4"
    );
    for version in ["4", "4.0", "4e0", "0.4E1"] {
        let body = format!(r#"{{"memoryMap": [], "stacks": [], "version": {version}}}"#);
        assert_eq!(refusal(body), "accepted", "{version}");
    }
}

#[test]
fn memory_map_and_stacks_must_be_lists() {
    for wrong in ["5", "null", "{}", "\"x\"", "true"] {
        assert_eq!(refusal_of(wrong, "[]"), "Must be a list", "{wrong}");
        assert_eq!(refusal_of("[]", wrong), "Must be a list", "{wrong}");
    }
}

#[test]
fn the_content_is_checked_as_in_v5() {
    let long = format!(r#"[["{}", "AB"]]"#, "n".repeat(1025));
    for (memory_map, stacks, message) in [
        ("[]", "[1]", "Must be a list of lists"),
        ("[]", "[[1]]", "Must be a list of lists of lists"),
        ("[]", "[[[1]]]", "List of lists of frames must be 2 numbers"),
        ("[]", "[[[1, true]]]", "Frame must be two integers"),
        (
            "[]",
            "[[[1, 18446744073709551616]]]",
            "Invalid JSON passed in",
        ),
        ("[[1]]", "[]", "Must be a list of lists of size 2"),
        (&long, "[]", "module name too long"),
        (r#"[["a", ""]]"#, "[]", "debugID empty or missing"),
        (r#"[["a", null]]"#, "[]", "debugID empty or missing"),
        (
            r#"[["a\u0000", "AB"]]"#,
            "[]",
            "module_name contains null-byte",
        ),
        (r#"[[1, "AB"]]"#, "[]", "module name must be a string"),
        (r#"[["a", 1]]"#, "[]", "debugID must be a string"),
        (
            "[]",
            "[[[0, 1]]]",
            "module index 0 is out of range: memoryMap has 0 items",
        ),
    ] {
        assert_eq!(
            refusal_of(memory_map, stacks),
            message,
            "{memory_map} {stacks}"
        );
    }
}

#[test]
fn empty_containers_and_unknown_keys_are_fine() {
    assert_eq!(refusal_of("[]", "[]"), "accepted");
    assert_eq!(refusal_of("[]", "[[]]"), "accepted");
    let body = r#"{"memoryMap": [], "stacks": [], "version": 4, "jobs": 5, "x": null}"#;
    assert_eq!(refusal(body), "accepted");
}
