// SPDX-License-Identifier: MPL-2.0
//! What patterns of clients, and of the odd corners of the syntax, match.

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Regexp::new(pattern).unwrap().is_match(text).unwrap()
}

#[test]
fn patterns_of_clients_match_versions() {
    for (pattern, text, expected) in [
        (r#"[0-9]+".0a1""#, "61.0a1", true),
        (r#"[0-9]+".0a1""#, "61x0a1", false),
        (r#"[0-9]+".0b"[0-9]+"#, "61.0b12", true),
        (r"[0-9]+\.[0-9]+(\.[0-9]+)?", "60.0.2", true),
        (r"140\.[0-9]+(\.[0-9]+)?esr", "140.1esr", true),
        (r"[0-9\.]+(([ab][0-9]+)|esr)?", "62.0b3", true),
        (r"[0-9\.]+(([ab][0-9]+)|esr)?", "62.0b3rc1", false),
        (r".*rc\d+", "62.0b3rc1", true),
        (r"([a-zA-Z]+ )+?61\.0.*", "61.0b2", true),
        (r"61\.0.*", "61.0", true),
        ("20190101.*", "20190101095042", true),
        ("*", "*", true),
        ("*", "61.0", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
    }
}

#[test]
fn the_operators_of_this_dialect_work() {
    for (pattern, text, expected) in [
        ("^a$", "^a$", true),
        ("^a$", "a", false),
        ("@", "any text", true),
        ("#", "", false),
        ("~(ab)", "ab", false),
        ("~(ab)", "abc", true),
        ("a.*&.*z", "abcz", true),
        ("a.*&.*z", "abc", false),
        ("<5-25>", "007", true),
        ("<5-25>", "26", false),
        ("<05-25>", "5", false),
        ("<05-25>", "05", true),
        ("a{2,3}", "aaaa", false),
        ("a{2,}", "aaaa", true),
        ("a{3,2}", "aaa", false),
        ("a+?", "", true),
        ("[]a]", "]", true),
        ("[a-]", "-", true),
        ("[^0-9]", "7", false),
        ("[^0-9]", "x", true),
        ("()", "", true),
        ("a|", "a|", false),
        (r"\*\.", "*.", true),
    ] {
        let is_match =
            Regexp::new(pattern).is_ok_and(|mut regexp| regexp.is_match(text) == Ok(true));
        assert_eq!(is_match, expected, "{pattern} on {text}");
    }
}

#[test]
fn bad_syntax_is_an_error_with_its_place() {
    for pattern in [
        "(a", "[a", "a{", "a{x}", "\"a", "<a-b>", "<1-", "a)", "a\\", "a|",
    ] {
        assert!(
            matches!(Regexp::new(pattern), Err(RegexpError::Syntax(_))),
            "{pattern}"
        );
    }
}

#[test]
fn an_explosion_of_states_is_an_error_and_not_a_hang() {
    let mut regexp = Regexp::new("(a|b)*a(a|b){30}c").unwrap();
    let text: String = (0..4_000u32)
        .map(|i| if i * i % 7 < 3 { 'a' } else { 'b' })
        .collect();
    let outcome = regexp.is_match(&text);
    assert!(outcome == Err(RegexpError::TooComplex) || outcome == Ok(false));
    assert_eq!(Regexp::new("a{9999}").unwrap_err(), RegexpError::TooComplex);
    assert_eq!(
        Regexp::new(&"(".repeat(3_000)).unwrap_err(),
        RegexpError::TooComplex
    );
}

#[test]
fn long_and_deep_repetitions_neither_overflow_the_stack_nor_hang() {
    for pattern in [
        "((a{1000}){30})b",
        "((a?){1000}){40}b",
        "((a?){0,1000}){0,40}",
        "((a{0,100}){0,100})*b",
        "~(~((a*)*)*)*&(a|aa|aaa)*b",
    ] {
        if let Ok(mut regexp) = Regexp::new(pattern) {
            // Either answer will do; a crash or a hang would not.
            let _ = regexp.is_match(&"a".repeat(300));
        }
    }
    let mut beyond = Regexp::new("(a?){1000}b").unwrap();
    assert_eq!(beyond.is_match("aaab"), Err(RegexpError::TooComplex));
    assert!(matches("(a?){40}b", "aaab"));
    assert!(!matches("(a{10}){20}b", &"a".repeat(200)));
    assert!(matches("(a{10}){20}b", &format!("{}b", "a".repeat(200))));
}

proptest! {
    #![proptest_config(crate::seeded::cases(512))]

    #[test]
    fn no_pattern_and_text_panic(pattern in r#"[ab0\[\](){}|&~<>"\\.*+?,^$@#-]{0,20}"#, text in "[ab0]{0,8}") {
        if let Ok(mut regexp) = Regexp::new(&pattern) {
            let _ = regexp.is_match(&text);
        }
    }

    #[test]
    fn a_complement_matches_exactly_the_rest(pattern in "[ab.*]{1,6}", text in "[ab]{0,6}") {
        // A leading star is literal in both, so it only moves along.
        if let (Ok(mut plain), Ok(mut negated)) =
            (Regexp::new(&pattern), Regexp::new(&format!("~({pattern})")))
        {
            prop_assert_ne!(plain.is_match(&text), negated.is_match(&text));
        }
    }

    #[test]
    fn every_match_begins_with_the_literal_prefix(pattern in "[ab.*()|]{1,8}", text in "[ab]{0,6}") {
        if let Ok(mut regexp) = Regexp::new(&pattern)
            && regexp.is_match(&text) == Ok(true)
        {
            prop_assert!(text.starts_with(&regexp.literal_prefix()));
        }
    }
}
