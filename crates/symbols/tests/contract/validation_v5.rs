// SPDX-License-Identifier: MPL-2.0
//! What a v5 request is refused for.

use releng_symbols::{Jobs, Version, request::Limits};

use super::support;

fn refusal(body: impl AsRef<[u8]>) -> String {
    support::refusal(Version::V5, body)
}

/// The same fault in a single job and in the second of two.
#[track_caller]
fn assert_job_refused(job: &str, message: &str) {
    assert_eq!(refusal(job), message, "{job}");
    let good = r#"{"memoryMap": [], "stacks": []}"#;
    assert_eq!(
        refusal(format!(r#"{{"jobs": [{good}, {job}]}}"#)),
        message,
        "{job}"
    );
}

#[track_caller]
fn assert_stacks_refused(stacks: &str, message: &str) {
    assert_job_refused(
        &format!(r#"{{"memoryMap": [["a", "AB"]], "stacks": {stacks}}}"#),
        message,
    );
}

#[track_caller]
fn assert_memory_map_refused(memory_map: &str, message: &str) {
    assert_job_refused(
        &format!(r#"{{"memoryMap": {memory_map}, "stacks": []}}"#),
        message,
    );
}

#[test]
fn what_is_not_json_is_refused() {
    for body in [
        &b""[..],
        b" ",
        b"{",
        b"{} {}",
        b"not json",
        b"{\"a\": \"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"jobs\": [NaN]}",
        b"{\"a\": {\"xul.pdb\", \"44E4\"}}",
        b"{\"jobs\": ['a']}",
    ] {
        assert_eq!(refusal(body), "Invalid JSON passed in", "{body:?}");
    }
}

#[test]
fn what_is_not_an_object_is_refused() {
    for body in ["true", "[]", "null", "\"x\"", "5", " [{}] "] {
        assert_eq!(refusal(body), "Not a dict", "{body}");
    }
}

#[test]
fn jobs_must_be_there() {
    for body in [
        "{}",
        r#"{"stacks": []}"#,
        r#"{"memoryMap": []}"#,
        r#"{"version": 5}"#,
    ] {
        assert_eq!(refusal(body), "Missing key in JSON ('jobs')", "{body}");
    }
}

#[test]
fn jobs_must_not_be_empty() {
    for jobs in [
        "[]", "[ ]", "null", "{}", "{ }", "0", "0.0", "-0", "\"\"", "false",
    ] {
        assert_eq!(
            refusal(format!(r#"{{"jobs": {jobs}}}"#)),
            "Jobs list empty",
            "{jobs}"
        );
    }
}

#[test]
fn jobs_must_be_a_list_of_objects() {
    for jobs in [
        "5",
        "true",
        "\"x\"",
        "{\"a\": 1}",
        "[5]",
        "[null]",
        "[[]]",
        "[\"x\"]",
    ] {
        let message = refusal(format!(r#"{{"jobs": {jobs}}}"#));
        assert!(
            message.starts_with("Wrong type of value ("),
            "{jobs}: {message}"
        );
    }
}

#[test]
fn a_job_must_have_both_keys() {
    for (job, message) in [
        ("{}", "Missing key in JSON ('memoryMap')"),
        (r#"{"stacks": []}"#, "Missing key in JSON ('memoryMap')"),
        (r#"{"memoryMap": []}"#, "Missing key in JSON ('stacks')"),
    ] {
        assert_eq!(refusal(format!(r#"{{"jobs": [{job}]}}"#)), message, "{job}");
    }
}

#[test]
fn memory_map_and_stacks_must_be_lists() {
    let good = r#"{"memoryMap": [], "stacks": []}"#;
    for wrong in ["5", "null", "{}", "\"x\"", "true"] {
        assert_eq!(
            refusal(format!(r#"{{"memoryMap": {wrong}, "stacks": []}}"#)),
            "Wrong type of value (Stack number 1 is 'memoryMap' not a list)"
        );
        let job = format!(r#"{{"memoryMap": [], "stacks": {wrong}}}"#);
        assert_eq!(
            refusal(format!(r#"{{"jobs": [{good}, {job}]}}"#)),
            "Wrong type of value (Stack number 2 is 'stacks' not a list)"
        );
    }
}

#[test]
fn stacks_must_be_lists_of_frames_of_two_integers() {
    for (stacks, message) in [
        ("[1]", "Must be a list of lists"),
        ("[{}]", "Must be a list of lists"),
        ("[null]", "Must be a list of lists"),
        ("[[0, 1]]", "Must be a list of lists of lists"),
        ("[[null]]", "Must be a list of lists of lists"),
        ("[[\"[0,1]\"]]", "Must be a list of lists of lists"),
        ("[[[]]]", "List of lists of frames must be 2 numbers"),
        ("[[[0]]]", "List of lists of frames must be 2 numbers"),
        ("[[[0, 1, 2]]]", "List of lists of frames must be 2 numbers"),
        ("[[[\"0\", 1]]]", "Frame must be two integers"),
        ("[[[0, \"1\"]]]", "Frame must be two integers"),
        ("[[[0, \"1,2\"]]]", "Frame must be two integers"),
        ("[[[0.0, 1]]]", "Frame must be two integers"),
        ("[[[1e0, 1]]]", "Frame must be two integers"),
        ("[[[null, 1]]]", "Frame must be two integers"),
        ("[[[0, null]]]", "Frame must be two integers"),
        ("[[[0, [1, 2]]]]", "Frame must be two integers"),
        ("[[[true, 1]]]", "Frame must be two integers"),
        ("[[[0, false]]]", "Frame must be two integers"),
        (
            "[[], [[0, 0], [0, 1], []]]",
            "List of lists of frames must be 2 numbers",
        ),
    ] {
        assert_stacks_refused(stacks, message);
    }
}

#[test]
fn numbers_beyond_64_bits_are_refused() {
    for frame in ["[0, 18446744073709551616]", "[18446744073709551616, 0]"] {
        assert_stacks_refused(&format!("[[{frame}]]"), "Invalid JSON passed in");
    }
    let digits = "9".repeat(5_000);
    assert_stacks_refused(&format!("[[[0, -{digits}]]]"), "Invalid JSON passed in");
}

#[test]
fn memory_maps_must_be_pairs_of_name_and_debug_id() {
    for (memory_map, message) in [
        ("[5]", "Must be a list of lists of size 2"),
        ("[{}]", "Must be a list of lists of size 2"),
        ("[[]]", "Must be a list of lists of size 2"),
        ("[[\"a\"]]", "Must be a list of lists of size 2"),
        ("[[\"a\", \"AB\", 0]]", "Must be a list of lists of size 2"),
        ("[[\"a\", \"\"]]", "debugID empty or missing"),
        ("[[\"a\", null]]", "debugID empty or missing"),
        (
            "[[\"a\\u0000b\", \"AB\"]]",
            "module_name contains null-byte",
        ),
        ("[[5, \"AB\"]]", "module name must be a string"),
        ("[[null, \"AB\"]]", "module name must be a string"),
        ("[[\"a\", 5]]", "debugID must be a string"),
        ("[[\"a\", true]]", "debugID must be a string"),
        ("[[\"a\", [\"AB\"]]]", "debugID must be a string"),
    ] {
        assert_memory_map_refused(memory_map, message);
    }
}

#[test]
fn a_name_has_at_most_1024_characters() {
    let memory_map = |length| format!(r#"[["{}", "AB"]]"#, "ä".repeat(length));
    assert_memory_map_refused(&memory_map(1025), "module name too long");
    assert_eq!(
        refusal(format!(
            r#"{{"memoryMap": {}, "stacks": []}}"#,
            memory_map(1024)
        )),
        "accepted"
    );
}

#[test]
fn a_module_index_must_be_one_of_the_memory_map() {
    let message = "module index 1 is out of range: memoryMap has 1 items";
    assert_stacks_refused("[[[0, 1]], [[1, 1]]]", message);
    assert_stacks_refused("[[[1, 1.0]]]", message);
    assert_stacks_refused("[[[1, -1]]]", message);
    assert_stacks_refused(
        "[[[4294967296, 1]]]",
        "module index 4294967296 is out of range: memoryMap has 1 items",
    );
    assert_job_refused(
        r#"{"memoryMap": [], "stacks": [[[0, 1]]]}"#,
        "module index 0 is out of range: memoryMap has 0 items",
    );
}

#[test]
fn the_first_fault_in_the_order_of_checks_is_told() {
    for (body, message) in [
        // The shape of all jobs before the content of any.
        (
            r#"{"jobs": [{"memoryMap": [], "stacks": [5]}, {}]}"#,
            "Missing key in JSON ('memoryMap')",
        ),
        // The memory map's type before the stacks' presence.
        (
            r#"{"jobs": [{"memoryMap": 5}]}"#,
            "Wrong type of value (Stack number 1 is 'memoryMap' not a list)",
        ),
        // Stacks before memory map.
        (
            r#"{"memoryMap": [5], "stacks": [5]}"#,
            "Must be a list of lists",
        ),
        // The memory map before the index into it.
        (
            r#"{"memoryMap": [5], "stacks": [[[9, 9]]]}"#,
            "Must be a list of lists of size 2",
        ),
        // The first job's content before the second's.
        (
            r#"{"jobs": [{"memoryMap": [5], "stacks": []}, {"memoryMap": [], "stacks": [5]}]}"#,
            "Must be a list of lists of size 2",
        ),
    ] {
        assert_eq!(refusal(body), message, "{body}");
    }
}

#[test]
fn empty_containers_and_unknown_keys_are_fine() {
    for body in [
        r#"{"memoryMap": [], "stacks": []}"#,
        r#"{"memoryMap": [], "stacks": [[]]}"#,
        r#"{"memoryMap": [["a", "AB"]], "stacks": [[], []]}"#,
        r#"{"jobs": [{"memoryMap": [], "stacks": [], "x": {"y": [1.5, "\ud800"]}}], "version": "5"}"#,
        r#"{"memoryMap": [["", "no hex"], ["../..", "/"]], "stacks": [[[0, 1], [1, 1]]]}"#,
    ] {
        assert_eq!(refusal(body), "accepted", "{body}");
    }
}

#[test]
fn a_job_at_the_top_level_wins_over_jobs() {
    assert_eq!(
        refusal(r#"{"jobs": 5, "memoryMap": [], "stacks": []}"#),
        "accepted"
    );
    assert_eq!(
        refusal(r#"{"jobs": 5, "memoryMap": [], "stacks": [5]}"#),
        "Must be a list of lists"
    );
}

#[test]
fn of_equal_keys_the_last_counts() {
    let body = r#"{"memoryMap": 5, "stacks": [5], "memoryMap": [], "stacks": []}"#;
    assert_eq!(refusal(body), "accepted");
}

#[test]
fn a_fault_in_the_content_tells_the_number_of_jobs() {
    let jobs = |body: &str| {
        Jobs::parse(Version::V5, body.as_bytes(), &Limits::default())
            .unwrap_err()
            .jobs()
    };
    let good = r#"{"memoryMap": [], "stacks": []}"#;
    assert_eq!(
        jobs(&format!(
            r#"{{"jobs": [{good}, {{"memoryMap": [5], "stacks": []}}]}}"#
        )),
        Some(2)
    );
    assert_eq!(jobs(&format!(r#"{{"jobs": [{good}, 5]}}"#)), None);
}

#[test]
fn deep_nesting_is_no_problem() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(
        refusal(format!(r#"{{"jobs": {deep}}}"#)),
        "Wrong type of value (Job number 1 is not an object)"
    );
    let body = format!(r#"{{"memoryMap": [], "stacks": [], "x": {deep}}}"#);
    assert_eq!(refusal(body), "accepted");
    assert_stacks_refused(&deep, "List of lists of frames must be 2 numbers");
}
