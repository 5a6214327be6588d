// SPDX-License-Identifier: MPL-2.0
//! The `debug` object. The test's clock moves a quarter of a second for each job.

use std::time::Duration;

use releng_symbols::{Cost, Lookups, Options, Outcome, Traffic, Version};

use super::support::{TOO_LARGE, answer_with, found, outcome};

const DEBUG: Options = Options {
    debug: true,
    answer_bytes: 1 << 20,
};

fn traffic(count: u64, seconds: u64, size_bytes: u64) -> Traffic {
    Traffic {
        count,
        time: Duration::from_secs(seconds),
        size_bytes,
    }
}

/// A module that was not in the cache and one that was.
fn lookups() -> Lookups {
    let mut a = found(("a", "AB"), "PUBLIC 0 0 f");
    a.1.cost = Cost {
        cache_lookups: traffic(1, 1, 0),
        downloads: traffic(1, 2, 12),
    };
    let mut b = found(("b", "CD"), "PUBLIC 0 0 g");
    b.1.cost = Cost {
        cache_lookups: traffic(1, 4, 34),
        downloads: traffic(0, 0, 0),
    };
    Lookups::from([a, b])
}

#[test]
fn v4_has_it_at_the_top_level() {
    let body = r#"{"version": 4, "memoryMap": [["a", "AB"], ["b", "CD"]],
        "stacks": [[[0, 1], [0, 2], [1, 1]], [[0, 3], [-1, 4], [1, 1.5]], [[0, -1]]]}"#;
    let expected = concat!(
        r#"{"symbolicatedStacks":[["f (in a)","f (in a)","g (in b)"],"#,
        r#"["f (in a)","0x4 (in <unknown>)","1.5"],["-0x1 (in a)"]],"knownModules":[true,true],"#,
        r#""debug":{"time":7.25,"stacks":{"count":7,"real":5},"#,
        r#""modules":{"count":2,"stacks_per_module":{"a/AB":3,"b/CD":1}},"#,
        r#""cache_lookups":{"count":2,"time":5.0,"size":34},"#,
        r#""downloads":{"count":1,"time":2.0,"size":12}}}"#,
    );
    assert_eq!(answer_with(Version::V4, body, &lookups(), &DEBUG), expected);
}

#[test]
fn v5_has_it_in_each_result_and_the_total_at_the_top_level() {
    let body = r#"{"jobs": [
        {"memoryMap": [["a", "AB"]], "stacks": [[[0, 1]]]},
        {"memoryMap": [["b", "CD"], ["a", "AB"]], "stacks": [[[0, 1], [1, 1]]]}]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[[{"frame":0,"module":"a","module_offset":"0x1","#,
        r#""function":"f","function_offset":"0x1"}]],"found_modules":{"a/AB":true},"#,
        r#""debug":{"time":3.25,"stacks":{"count":1,"real":1},"#,
        r#""modules":{"count":1,"stacks_per_module":{"a/AB":1}},"#,
        r#""cache_lookups":{"count":1,"time":1.0,"size":0},"#,
        r#""downloads":{"count":1,"time":2.0,"size":12}}},"#,
        r#"{"stacks":[[{"frame":0,"module":"b","module_offset":"0x1","#,
        r#""function":"g","function_offset":"0x1"},{"frame":1,"module":"a","module_offset":"0x1","#,
        r#""function":"f","function_offset":"0x1"}]],"found_modules":{"b/CD":true,"a/AB":true},"#,
        r#""debug":{"time":4.25,"stacks":{"count":2,"real":2},"#,
        r#""modules":{"count":2,"stacks_per_module":{"a/AB":1,"b/CD":1}},"#,
        r#""cache_lookups":{"count":1,"time":4.0,"size":34},"#,
        r#""downloads":{"count":0,"time":0.0,"size":0}}}],"#,
        r#""debug":{"time":7.5,"stacks":{"count":3,"real":3},"#,
        r#""modules":{"count":2,"stacks_per_module":{"a/AB":2,"b/CD":1}},"#,
        r#""cache_lookups":{"count":2,"time":5.0,"size":34},"#,
        r#""downloads":{"count":1,"time":2.0,"size":12}}}"#,
    );
    assert_eq!(answer_with(Version::V5, body, &lookups(), &DEBUG), expected);
}

#[test]
fn all_numbers_are_there_when_nothing_happened() {
    let body = r#"{"version": 4, "memoryMap": [["a", "AB"]], "stacks": []}"#;
    let expected = concat!(
        r#"{"symbolicatedStacks":[],"knownModules":[null],"#,
        r#""debug":{"time":0.25,"stacks":{"count":0,"real":0},"#,
        r#""modules":{"count":0,"stacks_per_module":{}},"#,
        r#""cache_lookups":{"count":0,"time":0.0,"size":0},"#,
        r#""downloads":{"count":0,"time":0.0,"size":0}}}"#,
    );
    assert_eq!(answer_with(Version::V4, body, &lookups(), &DEBUG), expected);
}

#[test]
fn it_tells_why_modules_have_no_symbols() {
    let lookups = Lookups::from([
        found(("a", "AB"), "PUBLIC 0 0 f"),
        outcome(("huge", "CD"), TOO_LARGE),
        outcome(("damaged", "EF"), Outcome::Corrupt),
    ]);
    let v4 = r#"{"version": 4, "memoryMap": [["a", "AB"], ["huge", "CD"], ["unused", "12"]],
        "stacks": [[[0, 1], [1, 1]]]}"#;
    let huge = r#""huge/CD":[{"name":"TooLarge","message":"the symbol file of this module exceeds the limit of 4096 bytes"}]"#;
    let answer = answer_with(Version::V4, v4, &lookups, &DEBUG);
    let expected =
        format!(r#""downloads":{{"count":0,"time":0.0,"size":0}},"module_errors":{{{huge}}}}}}}"#);
    assert!(answer.ends_with(&expected), "{answer}");

    let v5 = r#"{"jobs": [{"memoryMap": [["huge", "CD"]], "stacks": [[[0, 1]]]},
        {"memoryMap": [["damaged", "EF"], ["huge", "CD"]], "stacks": [[[0, 1], [1, 1]]]}]}"#;
    let answer = answer_with(Version::V5, v5, &lookups, &DEBUG);
    let damaged = r#""damaged/EF":[{"name":"Corrupt","message":"the symbol file of this module is damaged"}]"#;
    // In each result and in the total, which has each module once.
    let parts = [
        format!(r#""module_errors":{{{huge}}}}}}},"#),
        format!(r#""module_errors":{{{damaged},{huge}}}}}}}],"debug":"#),
        format!(r#""module_errors":{{{damaged},{huge}}}}}}}"#),
    ];
    for part in &parts {
        assert!(answer.contains(part.as_str()), "{part}\n{answer}");
    }
    assert!(answer.ends_with(&parts[2]), "{answer}");
}
