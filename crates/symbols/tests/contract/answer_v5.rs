// SPDX-License-Identifier: MPL-2.0
//! The whole answer to v5 requests.

use std::time::Duration;

use releng_symbols::{
    AnswerError, Jobs, Lookups, Options, Outcome, Version, request::Limits, symbolicate,
    symbolicate_in,
};

use super::support::{self, TOO_LARGE, found, outcome};

const XUL: (&str, &str) = ("xul.pdb", "44E4EC8C2F41492B9369D6B9A059577C2");
const XUL_FILE: &str = "FILE 0 a.cpp\nFILE 1 b.h\nINLINE_ORIGIN 0 inner()\n\
    FUNC b2e300 200 0 outer(int, \"x\")\nINLINE 0 12 0 0 b2e310 8\nb2e300 100 7 1\nPUBLIC c00000 0 pub\n";

fn answer(body: &str, lookups: &Lookups) -> String {
    support::answer(Version::V5, body, lookups)
}

fn xul() -> Lookups {
    Lookups::from([found(XUL, XUL_FILE)])
}

#[test]
fn a_frame_has_what_is_known_about_it_and_nothing_else() {
    // In order: with inlines, with a line, without a line, beyond the function, a public symbol,
    // before all symbols.
    let body = r#"{"memoryMap": [["xul.pdb", "44E4EC8C2F41492B9369D6B9A059577C2"]], "stacks":
        [[[0, 11723536], [0, 11723520], [0, 11723776], [0, 11724544], [0, 12582913], [0, 1]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"xul.pdb","module_offset":"0xb2e310","#,
        r#""function":"outer(int, \"x\")","function_offset":"0x10","function_size":"0x200","#,
        r#""file":"a.cpp","line":12,"inlines":[{"function":"inner()","file":"b.h","line":7}]},"#,
        r#"{"frame":1,"module":"xul.pdb","module_offset":"0xb2e300","#,
        r#""function":"outer(int, \"x\")","function_offset":"0x0","function_size":"0x200","#,
        r#""file":"b.h","line":7},"#,
        r#"{"frame":2,"module":"xul.pdb","module_offset":"0xb2e400","#,
        r#""function":"outer(int, \"x\")","function_offset":"0x100","function_size":"0x200"},"#,
        r#"{"frame":3,"module":"xul.pdb","module_offset":"0xb2e700","#,
        r#""function":"outer(int, \"x\")","function_offset":"0x400"},"#,
        r#"{"frame":4,"module":"xul.pdb","module_offset":"0xc00001","#,
        r#""function":"pub","function_offset":"0x1"},"#,
        r#"{"frame":5,"module":"xul.pdb","module_offset":"0x1"}"#,
        r#"]],"found_modules":{"xul.pdb/44E4EC8C2F41492B9369D6B9A059577C2":true}}]}"#,
    );
    assert_eq!(answer(body, &xul()), expected);
}

#[test]
fn strange_frames_keep_their_place() {
    let body = r#"{"memoryMap": [["xul.pdb", "44E4EC8C2F41492B9369D6B9A059577C2"]], "stacks":
        [[[-1, 11723767], [-7, 0], [0, 1.00000], [0, 1E+2], [0, -1], [0, -0], [-1, -16], [-1, 0.5],
          [0, 18446744073709551615], [0, 9007199254740993]], [], [[ 0 , 1 ]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"<unknown>","module_offset":"0xb2e3f7"},"#,
        r#"{"frame":1,"module":"<unknown>","module_offset":"0x0"},"#,
        r#"{"frame":2,"module":"xul.pdb","module_offset":"1.00000"},"#,
        r#"{"frame":3,"module":"xul.pdb","module_offset":"1E+2"},"#,
        r#"{"frame":4,"module":"xul.pdb","module_offset":"-0x1"},"#,
        r#"{"frame":5,"module":"xul.pdb","module_offset":"0x0"},"#,
        r#"{"frame":6,"module":"<unknown>","module_offset":"-0x10"},"#,
        r#"{"frame":7,"module":"<unknown>","module_offset":"0.5"},"#,
        r#"{"frame":8,"module":"xul.pdb","module_offset":"0xffffffffffffffff","#,
        r#""function":"pub","function_offset":"0xffffffffff3fffff"},"#,
        r#"{"frame":9,"module":"xul.pdb","module_offset":"0x20000000000001","#,
        r#""function":"pub","function_offset":"0x1fffffff400001"}"#,
        r#"],[],[{"frame":0,"module":"xul.pdb","module_offset":"0x1"}]],"#,
        r#""found_modules":{"xul.pdb/44E4EC8C2F41492B9369D6B9A059577C2":true}}]}"#,
    );
    assert_eq!(answer(body, &xul()), expected);
}

#[test]
fn negative_numbers_beyond_64_bits_are_numbers_like_others_below_0() {
    let body = r#"{"memoryMap": [["xul.pdb", "44E4EC8C2F41492B9369D6B9A059577C2"]], "stacks":
        [[[0, -18446744073709551616], [-18446744073709551617, 16],
          [-1, -1000000000000000000000000000000000000000]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"xul.pdb","module_offset":"-0x10000000000000000"},"#,
        r#"{"frame":1,"module":"<unknown>","module_offset":"0x10"},"#,
        r#"{"frame":2,"module":"<unknown>","module_offset":"-0x2f050fe938943acc45f65568000000000"}"#,
        r#"]],"found_modules":{"xul.pdb/44E4EC8C2F41492B9369D6B9A059577C2":true}}]}"#,
    );
    assert_eq!(answer(body, &xul()), expected);
}

/// JSON can spell halves of surrogate pairs, in keys as well; they are no text.
#[test]
fn halves_of_surrogate_pairs_are_replaced_and_such_a_module_has_no_symbols() {
    let lookups = Lookups::from([found(("\u{fffd}", "AB"), "FUNC 0 10 0 f")]);
    let body = r#"{"x\udc00": 1, "memoryMap": [["\ud800", "AB"], ["a\ud83d\ude00", "AB"], ["\ufffd", "AB"]],
        "stacks": [[[0, 1], [1, 1], [2, 1]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        "{\"frame\":0,\"module\":\"\u{fffd}\",\"module_offset\":\"0x1\"},",
        "{\"frame\":1,\"module\":\"a\u{1f600}\",\"module_offset\":\"0x1\"},",
        "{\"frame\":2,\"module\":\"\u{fffd}\",\"module_offset\":\"0x1\",",
        r#""function":"f","function_offset":"0x1","function_size":"0x10"}]],"#,
    );
    let answer = answer(body, &lookups);
    assert!(answer.starts_with(expected), "{answer}");
}

#[test]
fn found_modules_tells_found_missing_and_unused_apart() {
    let lookups = Lookups::from([
        found(("used", "A1"), "FUNC 0 10 0 f"),
        found(("unused", "A2"), "FUNC 0 10 0 f"),
        outcome(("missing", "A3"), Outcome::NotFound),
        outcome(("damaged", "A4"), Outcome::Corrupt),
        outcome(("huge", "A5"), TOO_LARGE),
        found(("float", "A6"), "FUNC 0 10 0 f"),
        found(("negative", "A7"), "FUNC 0 10 0 f"),
    ]);
    let body = r#"{"memoryMap": [["used", "a1"], ["unused", "A2"], ["missing", "A3"], ["damaged", "A4"],
        ["huge", "A5"], ["float", "A6"], ["negative", "A7"], ["never asked for", "A8"]], "stacks":
        [[[7, 1], [6, -1], [5, 1.5], [4, 1], [3, 1], [2, 1], [0, 1]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"never asked for","module_offset":"0x1"},"#,
        r#"{"frame":1,"module":"negative","module_offset":"-0x1"},"#,
        r#"{"frame":2,"module":"float","module_offset":"1.5"},"#,
        r#"{"frame":3,"module":"huge","module_offset":"0x1"},"#,
        r#"{"frame":4,"module":"damaged","module_offset":"0x1"},"#,
        r#"{"frame":5,"module":"missing","module_offset":"0x1"},"#,
        r#"{"frame":6,"module":"used","module_offset":"0x1","#,
        r#""function":"f","function_offset":"0x1","function_size":"0x10"}]],"#,
        r#""found_modules":{"used/a1":true,"unused/A2":null,"missing/A3":false,"#,
        r#""damaged/A4":false,"huge/A5":false,"float/A6":null,"negative/A7":true,"#,
        r#""never asked for/A8":false},"module_errors":{"#,
        r#""missing/A3":[{"name":"NotFound","message":"there is no symbol file for this module"}],"#,
        r#""damaged/A4":[{"name":"Corrupt","message":"the symbol file of this module is damaged"}],"#,
        r#""huge/A5":[{"name":"TooLarge","message":"the symbol file of this module exceeds the limit of 4096 bytes"}],"#,
        r#""never asked for/A8":[{"name":"NotFound","message":"there is no symbol file for this module"}]"#,
        r#"}}]}"#,
    );
    assert_eq!(answer(body, &lookups), expected);
}

#[test]
fn names_that_cannot_be_stored_are_not_found_and_never_asked_for() {
    let body = r#"{"memoryMap": [["", "A1"], ["..", "A2"], ["a/b", "A3"], ["a", "no hex"], ["[vdso]", "A4"]],
        "stacks": [[[0, 1], [1, 1], [2, 1], [3, 1], [4, 1]]]}"#;
    let jobs = Jobs::parse(Version::V5, body.as_bytes(), &Limits::default()).unwrap();
    let wanted: Vec<_> = jobs
        .wanted_modules()
        .iter()
        .map(|key| key.store_path())
        .collect();
    assert_eq!(wanted, ["[vdso]/A4/[vdso].sym"]);
    let error = r#"[{"name":"NotFound","message":"no symbol file can be stored under this name and debug id"}]"#;
    let expected = [
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"","module_offset":"0x1"},"#,
        r#"{"frame":1,"module":"..","module_offset":"0x1"},"#,
        r#"{"frame":2,"module":"a/b","module_offset":"0x1"},"#,
        r#"{"frame":3,"module":"a","module_offset":"0x1"},"#,
        r#"{"frame":4,"module":"[vdso]","module_offset":"0x1","function":"f","function_offset":"0x1"}]],"#,
        r#""found_modules":{"/A1":false,"../A2":false,"a/b/A3":false,"a/no hex":false,"[vdso]/A4":true},"#,
        r#""module_errors":{"/A1":"#,
        error,
        r#","../A2":"#,
        error,
        r#","a/b/A3":"#,
        error,
        r#","a/no hex":"#,
        error,
        r#"}}]}"#,
    ]
    .concat();
    let lookups = Lookups::from([found(("[vdso]", "A4"), "PUBLIC 0 0 f")]);
    assert_eq!(answer(body, &lookups), expected);
}

#[test]
fn duplicate_entries_of_a_memory_map_are_one_module() {
    let body =
        r#"{"memoryMap": [["a", "AB"], ["a", "AB"], ["a", "ab"]], "stacks": [[[0, 1], [1, 2]]]}"#;
    let expected = concat!(
        r#"{"results":[{"stacks":[["#,
        r#"{"frame":0,"module":"a","module_offset":"0x1","function":"f","function_offset":"0x1"},"#,
        r#"{"frame":1,"module":"a","module_offset":"0x2","function":"f","function_offset":"0x2"}"#,
        r#"]],"found_modules":{"a/AB":true,"a/ab":null}}]}"#,
    );
    let lookups = Lookups::from([found(("a", "AB"), "PUBLIC 0 0 f")]);
    assert_eq!(answer(body, &lookups), expected);
    let used_through_the_duplicate = body.replace("[0, 1], [1, 2]", "[1, 1]");
    assert!(answer(&used_through_the_duplicate, &lookups).contains(r#"{"a/AB":true,"a/ab":null}"#));
}

#[test]
fn each_job_has_its_own_result_in_order() {
    let body = r#"{"jobs": [
        {"memoryMap": [["a", "AB"], ["b", "CD"]], "stacks": [[[0, 1]]]},
        {"memoryMap": [], "stacks": []},
        {"memoryMap": [["b", "CD"], ["a", "AB"]], "stacks": [[[1, 1]]]}]}"#;
    let expected = concat!(
        r#"{"results":["#,
        r#"{"stacks":[[{"frame":0,"module":"a","module_offset":"0x1","function":"f","function_offset":"0x1"}]],"#,
        r#""found_modules":{"a/AB":true,"b/CD":null}},"#,
        r#"{"stacks":[],"found_modules":{}},"#,
        r#"{"stacks":[[{"frame":0,"module":"a","module_offset":"0x1","function":"f","function_offset":"0x1"}]],"#,
        r#""found_modules":{"b/CD":null,"a/AB":true}}]}"#,
    );
    let lookups = Lookups::from([found(("a", "AB"), "PUBLIC 0 0 f")]);
    assert_eq!(answer(body, &lookups), expected);
}

#[test]
fn a_module_is_wanted_once_whatever_the_number_of_jobs() {
    let body = r#"{"jobs": [
        {"memoryMap": [["b", "CD"], ["a", "AB"], ["float", "EF"], ["unused", "01"]],
         "stacks": [[[1, 1], [2, 1.5]], [[1, 1]]]},
        {"memoryMap": [["a", "ab"], ["b", "CD"]], "stacks": [[[0, 1], [1, -1]]]}]}"#;
    let jobs = Jobs::parse(Version::V5, body.as_bytes(), &Limits::default()).unwrap();
    let wanted: Vec<_> = jobs
        .wanted_modules()
        .iter()
        .map(|key| key.store_path())
        .collect();
    assert_eq!(wanted, ["a/AB/a.sym", "b/CD/b.sym"]);
    assert_eq!(jobs.len(), 2);
}

#[test]
fn parts_of_an_inline_that_are_unknown_are_left_out() {
    let file = "FUNC 0 10 0 f\nINLINE 0 0 9 9 0 10\n";
    let expected = concat!(
        r#"{"results":[{"stacks":[[{"frame":0,"module":"a","module_offset":"0x1","#,
        r#""function":"f","function_offset":"0x1","function_size":"0x10","inlines":[{}]}]],"#,
        r#""found_modules":{"a/AB":true}}]}"#,
    );
    let body = r#"{"memoryMap": [["a", "AB"]], "stacks": [[[0, 1]]]}"#;
    assert_eq!(
        answer(body, &Lookups::from([found(("a", "AB"), file)])),
        expected
    );
}

#[test]
fn an_answer_beyond_the_limit_is_refused() {
    let body = r#"{"memoryMap": [], "stacks": [[[-1, 1]]]}"#;
    let jobs = Jobs::parse(Version::V5, body.as_bytes(), &Limits::default()).unwrap();
    let symbolicate = |answer_bytes| {
        let options = Options {
            answer_bytes,
            ..Options::default()
        };
        symbolicate(&jobs, &Lookups::new(), &options, &|| {
            std::time::Duration::ZERO
        })
    };
    let length = symbolicate(1_000).unwrap().len();
    assert!(symbolicate(length).is_ok());
    let error = symbolicate(length - 1).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the answer exceeds the limit of {} bytes: send fewer frames in one request",
            length - 1
        )
    );
}

#[test]
fn an_answer_asks_for_its_memory_before_it_takes_it() {
    let name = "n".repeat(100_000);
    let lookups = Lookups::from([found(("a", "AB"), &format!("FUNC 0 10 0 {name}"))]);
    let body = r#"{"memoryMap": [["a", "AB"]], "stacks": [[[0, 1], [0, 1], [0, 1], [0, 1]]]}"#;
    let jobs = Jobs::parse(Version::V5, body.as_bytes(), &Limits::default()).unwrap();
    let answer = |most: usize| {
        let mut given = 0;
        let answer = symbolicate_in(
            &jobs,
            &lookups,
            &Options::default(),
            &|| Duration::ZERO,
            &mut |bytes| {
                given += bytes;
                given <= most
            },
        );
        (answer, given)
    };
    let (whole, given) = answer(usize::MAX);
    let whole = whole.unwrap();
    let taken: usize = whole.iter().map(Vec::capacity).sum();
    assert!(taken > 400_000 && given == taken, "{given} {taken}");
    // Little more than it is long.
    assert!(taken - whole.concat().len() < 65_536);
    let plain = symbolicate(&jobs, &lookups, &Options::default(), &|| Duration::ZERO);
    assert_eq!(whole.concat(), plain.unwrap());
    assert_eq!(answer(given).0.unwrap(), whole);
    assert_eq!(answer(given - 1).0.unwrap_err(), AnswerError::NoRoom);
}
