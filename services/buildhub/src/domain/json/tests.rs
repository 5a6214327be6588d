// SPDX-License-Identifier: MPL-2.0
//! Literals on the right-hand side come from Python's `json`.
use proptest::prelude::*;

use super::{Json, parse};

fn canonical(text: &str) -> String {
    parse(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .to_string()
}

#[test]
fn the_canonical_text_is_that_of_python() {
    let table = [
        ("{\"b\":1,\"a\":2}", "{\"a\": 2, \"b\": 1}"),
        ("[1, 2,3 ]", "[1, 2, 3]"),
        ("{}", "{}"),
        ("[]", "[]"),
        ("null", "null"),
        ("[true,false]", "[true, false]"),
        ("1.0", "1.0"),
        ("1e3", "1000.0"),
        ("1e16", "1e+16"),
        ("1e15", "1000000000000000.0"),
        ("123456789012345680.0", "1.2345678901234568e+17"),
        ("1.5e-7", "1.5e-07"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("-0.0", "-0.0"),
        ("-0", "0"),
        ("0", "0"),
        ("5", "5"),
        ("5.0", "5.0"),
        (
            "100000000000000000000000000000",
            "100000000000000000000000000000",
        ),
        ("1E40", "1e+40"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("5e-324", "5e-324"),
        ("0.1", "0.1"),
        ("123.456e5", "12345600.0"),
        ("1e22", "1e+22"),
        ("1e21", "1e+21"),
        (
            "\"\\u00e9\u{7f}\\/\\\"\\\\\"",
            "\"\\u00e9\\u007f/\\\"\\\\\"",
        ),
        (
            "\"\u{1f600} \\ud83d\\ude00\"",
            "\"\\ud83d\\ude00 \\ud83d\\ude00\"",
        ),
        (
            "\"\\b\\f\\n\\r\\t\\u0000\\u001f\"",
            "\"\\b\\f\\n\\r\\t\\u0000\\u001f\"",
        ),
        ("{\"a\":1,\"a\":2}", "{\"a\": 2}"),
        (
            "{\"\u{ff61}\":1,\"\u{10000}\":2,\"z\":3,\"Z\":4,\"\":5}",
            "{\"\": 5, \"Z\": 4, \"z\": 3, \"\\uff61\": 1, \"\\ud800\\udc00\": 2}",
        ),
        (
            "{\"a\":{\"c\":[{\"e\":1,\"d\":2}],\"b\":null}}",
            "{\"a\": {\"b\": null, \"c\": [{\"d\": 2, \"e\": 1}]}}",
        ),
        (" \u{a}\u{9}{\"a\" :\u{d}1} ", "{\"a\": 1}"),
    ];
    for (text, expected) in table {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn errors_are_the_sentences_of_python() {
    let table = [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("}x", "Expecting value: line 1 column 1 (char 0)"),
        (
            "{'a'",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("{\"a\":1}x", "Extra data: line 1 column 8 (char 7)"),
        (
            "{\"a\" 1}",
            "Expecting ':' delimiter: line 1 column 6 (char 5)",
        ),
        (
            "{\"a\":1 \"b\"}",
            "Expecting ',' delimiter: line 1 column 8 (char 7)",
        ),
        (
            "{\"a\":1,}",
            "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)",
        ),
        ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
        ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
        (
            "\"abc",
            "Unterminated string starting at: line 1 column 1 (char 0)",
        ),
        (
            "\"a\u{a}b\"",
            "Invalid control character at: line 1 column 3 (char 2)",
        ),
        ("\"a\\xb\"", "Invalid \\escape: line 1 column 3 (char 2)"),
        (
            "\"\\u12\"",
            "Invalid \\uXXXX escape: line 1 column 3 (char 2)",
        ),
        (
            "\"\\u12G4\"",
            "Invalid \\uXXXX escape: line 1 column 3 (char 2)",
        ),
        (
            "\"\\ud800\\u12\"",
            "Invalid \\uXXXX escape: line 1 column 9 (char 8)",
        ),
        ("-", "Expecting value: line 1 column 1 (char 0)"),
        ("01", "Extra data: line 1 column 2 (char 1)"),
        ("1.", "Extra data: line 1 column 2 (char 1)"),
        ("1e", "Extra data: line 1 column 2 (char 1)"),
        ("nul", "Expecting value: line 1 column 1 (char 0)"),
        ("{\"a\":", "Expecting value: line 1 column 6 (char 5)"),
        ("  ", "Expecting value: line 1 column 3 (char 2)"),
        ("[1,\u{a} x]", "Expecting value: line 2 column 2 (char 5)"),
        (
            "{",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("[", "Expecting value: line 1 column 2 (char 1)"),
        (
            "\"\\",
            "Unterminated string starting at: line 1 column 1 (char 0)",
        ),
        (
            "{\"a",
            "Unterminated string starting at: line 1 column 2 (char 1)",
        ),
        (
            "\u{feff}{}",
            "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)",
        ),
        (
            "{\"a\":1]",
            "Expecting ',' delimiter: line 1 column 7 (char 6)",
        ),
        (
            "{,}",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            "\"\u{e9}\\x\"",
            "Invalid \\escape: line 1 column 3 (char 2)",
        ),
        ("\"\\u", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
        ("tru", "Expecting value: line 1 column 1 (char 0)"),
        ("[1}", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (".5", "Expecting value: line 1 column 1 (char 0)"),
        ("+1", "Expecting value: line 1 column 1 (char 0)"),
        ("'a'", "Expecting value: line 1 column 1 (char 0)"),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn what_no_database_keeps_is_refused() {
    for (text, expected) in [
        (r#"["\ud800"]"#, "Lone surrogate: line 1 column 3 (char 2)"),
        (
            r#""\udc00\ud800""#,
            "Lone surrogate: line 1 column 2 (char 1)",
        ),
        ("1e400", "Number out of range: line 1 column 1 (char 0)"),
        ("NaN", "Expecting value: line 1 column 1 (char 0)"),
        ("-Infinity", "Expecting value: line 1 column 1 (char 0)"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    assert!(parse(&format!("{}1{}", "[".repeat(99), "]".repeat(99))).is_ok());
    let error = parse(&"[".repeat(200_000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Nested too deeply: line 1 column 101 (char 100)"
    );
    assert!(parse(&"{\"a\":".repeat(200_000)).is_err());
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i128>().prop_map(|n| Json::Integer(n.to_string())),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(Json::Float),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Json::Object),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_text_reads_back_as_the_same_value(json in any_json()) {
        let text = json.to_string();
        prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        prop_assert_eq!(parse(&text).unwrap(), json);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*|[\\[\\]{}:,\"\\\\u0-9a-f.eE+ -]{0,40}") {
        if let Ok(json) = parse(&text) {
            prop_assert_eq!(parse(&json.to_string()).unwrap(), json);
        }
    }
}
