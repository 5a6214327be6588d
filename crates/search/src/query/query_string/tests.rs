// SPDX-License-Identifier: MPL-2.0
//! How texts are read. The tree is written back with `+` and `-` before each part.

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

fn tree(text: &str, operator: Operator) -> Result<Option<Node>, SearchError> {
    let limits = Limits::default();
    let now = chrono::DateTime::from_timestamp(1_500_000_000, 0).unwrap();
    parse(text, operator, 1, &mut Budget::new(&limits, now))
}

fn show(node: &Node) -> String {
    match node {
        Node::Group(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .map(|(occur, node)| match occur {
                    Occur::Must => format!("+{}", show(node)),
                    Occur::Should => show(node),
                    Occur::MustNot => format!("-{}", show(node)),
                })
                .collect();
            format!("({})", parts.join(" "))
        }
        Node::Boost(node, boost) => format!("{}^{boost}", show(node)),
        Node::All => "ALL".to_owned(),
        Node::Exists(field) => format!("EXISTS {field}"),
        Node::Leaf { field, leaf } => {
            let leaf = match leaf {
                Leaf::Text(text) => format!("<{text}>"),
                Leaf::Phrase(text, None) => format!("\"{text}\""),
                Leaf::Phrase(text, Some(slop)) => format!("\"{text}\"~{slop}"),
                Leaf::Prefix(text) => format!("{text}*"),
                Leaf::Wildcard(text) => format!("W {text}"),
                Leaf::Regexp(text) => format!("/{text}/"),
                Leaf::Fuzzy(text, edits) => format!("{text}~{edits:?}"),
                Leaf::Range(lower, upper) => format!("{lower:?}..{upper:?}"),
            };
            field
                .as_ref()
                .map_or_else(|| leaf.clone(), |field| format!("{field}:{leaf}"))
        }
    }
}

fn read(text: &str, operator: Operator) -> String {
    tree(text, operator)
        .unwrap()
        .as_ref()
        .map_or("NOTHING".to_owned(), show)
}

#[test]
fn and_and_or_bind_their_neighbours_without_precedence() {
    for (text, or, and) in [
        ("a OR b AND c", "(<a> +<b> +<c>)", "(<a> +<b> +<c>)"),
        ("a AND b OR c", "(+<a> +<b> <c>)", "(+<a> <b> <c>)"),
        ("a NOT b", "(<a> -<b>)", "(+<a> -<b>)"),
        ("a && !b", "(+<a> -<b>)", "(+<a> -<b>)"),
        ("+a -b", "(+<a> -<b>)", "(+<a> -<b>)"),
        ("+a || b", "(+<a> <b>)", "(<a> <b>)"),
        ("-a", "(-<a>)", "(-<a>)"),
        ("NOT (a OR -b)", "(-(<a> -<b>))", "(-(<a> -<b>))"),
    ] {
        assert_eq!(read(text, Operator::Or), or, "{text}");
        assert_eq!(read(text, Operator::And), and, "{text}");
    }
}

#[test]
fn bare_words_in_a_row_are_one_text() {
    for (text, expected) in [
        ("firefox nightly", "<firefox nightly>"),
        ("firefox 61.0 linux", "<firefox 61.0 linux>"),
        ("a b AND c", "(<a> +<b> +<c>)"),
        ("a b c AND d", "(<a b> +<c> +<d>)"),
        ("a b x:c", "(<a b> x:<c>)"),
        ("firefox* 54*", "(firefox* 54*)"),
        ("a b^2", "(<a> <b>^2)"),
    ] {
        assert_eq!(read(text, Operator::Or), expected, "{text}");
    }
}

#[test]
fn fields_quotes_patterns_and_ranges_are_read() {
    for (text, expected) in [
        ("build.id:20170713200529", "build.id:<20170713200529>"),
        (
            "target.version:(61* OR \"62.0\")^3",
            "(target.version:61* target.version:\"62.0\")^3",
        ),
        (r"build.\*:x", "build.*:<x>"),
        ("\"a b\"~2", "\"a b\"~2"),
        ("x~ y~1", "(x~None y~Some(1))"),
        ("en-US", "<en-US>"),
        ("*rc? 6*2", "(W *rc? W 6*2)"),
        ("*", "ALL"),
        ("*:*", "ALL"),
        ("target.os:*", "EXISTS target.os"),
        ("_exists_:target.os", "EXISTS target.os"),
        ("_exists_:\"target.os\"", "EXISTS target.os"),
        ("_exists_:target.*", "EXISTS target.*"),
        ("_exists_:*.os", "EXISTS *.os"),
        ("_exists_:*", "EXISTS *"),
        ("_exists_:* AND x", "(+EXISTS * +<x>)"),
        (
            "build.id:[2018 TO *]",
            "build.id:Some((\"2018\", true))..None",
        ),
        (
            "build.id:{* TO \"2018 x\"]",
            "build.id:None..Some((\"2018 x\", true))",
        ),
        (
            "download.size:>=10",
            "download.size:Some((\"10\", true))..None",
        ),
        (r"a\:b \u0041\ x", "<a:b A x>"),
        (r"/6[01]\/.*/", "/6[01]/.*/"),
        ("   ", "NOTHING"),
    ] {
        assert_eq!(read(text, Operator::Or), expected, "{text}");
    }
}

#[test]
fn a_text_outside_the_grammar_fails_as_a_whole() {
    for text in [
        "(a", "a)", "a AND", "AND a", "\"a", "x:", "[a TO", "a^", "/a", "a\\", "()", r"\u00g0",
    ] {
        let error = tree(text, Operator::Or).unwrap_err();
        assert_eq!(error.to_string(), format!("Failed to parse query [{text}]"));
    }
}

#[test]
fn an_escaped_text_stands_for_itself() {
    assert_eq!(read(&escape("a+b (c):d*"), Operator::Or), "<a+b (c):d*>");
}

proptest! {
    #![proptest_config(crate::seeded::cases(512))]

    #[test]
    fn no_text_panics(text in r#"([ab ]|AND|OR|NOT|TO|[-+!():^\[\]{}"~*?/\\&|<>=0-9.u]){0,24}"#) {
        let _ = tree(&text, Operator::And);
    }

    #[test]
    fn no_unicode_panics(text in ".{0,40}") {
        let _ = tree(&text, Operator::Or);
    }

    #[test]
    fn every_escaped_word_is_one_text(text in "[^ \t\r\n\u{3000}]{1,20}") {
        prop_assume!(!["AND", "OR", "NOT"].contains(&text.as_str()) && !text.contains(char::is_whitespace));
        prop_assert_eq!(read(&escape(&text), Operator::Or), format!("<{text}>"));
    }
}
