// SPDX-License-Identifier: MPL-2.0
//! What people type into the search box, as a query.

use serde_json::{Value, json};

/// Fields that free text is looked for in, with their weights (buildhub.md §12).
pub const SEARCH_FIELDS: [&str; 6] = [
    "source.product",
    "target.channel^1.2",
    "target.version^10",
    "target.locale^3",
    "target.platform^2",
    "build.id",
];
/// Fields that a word may name in front of a colon.
const NAMED: [&str; 20] = [
    "build.id",
    "build.date",
    "build.number",
    "build.as",
    "build.ld",
    "build.cc",
    "build.cxx",
    "build.host",
    "build.target",
    "source.product",
    "source.repository",
    "source.tree",
    "source.revision",
    "target.platform",
    "target.os",
    "target.locale",
    "target.version",
    "target.channel",
    "download.url",
    "download.mimetype",
];
/// Characters with a meaning in query strings.
const SPECIAL: &str = "+-=&|><!(){}[]^\"~*?:\\/";
/// Any of these shows that somebody writes query syntax on purpose.
const SYNTAX: &str = "\"()[]{}*?~^\\";

/// Turns typed words into a query string. Each word is a beginning and all must match. After a
/// leading `'`, and when the text uses the syntax of query strings, it is taken as it stands.
pub fn words_to_query(text: &str) -> String {
    if let Some(raw) = text.trim_start().strip_prefix('\'') {
        return raw.trim().to_owned();
    }
    let words = text.split_whitespace();
    if text.contains(|c| SYNTAX.contains(c)) || words.clone().any(is_operator) {
        return text.trim().to_owned();
    }
    words.map(prefix).collect::<Vec<_>>().join(" ")
}

fn is_operator(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "NOT" | "&&" | "||")
        || (word.len() > 1 && word.starts_with(['+', '-', '!']))
}

fn prefix(word: &str) -> String {
    match word.split_once(':') {
        Some((field, rest)) if NAMED.contains(&field) && !rest.is_empty() => {
            format!("{field}:{}*", escape(rest))
        }
        _ => format!("{}*", escape(word)),
    }
}

fn escape(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        if SPECIAL.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Returns the query for typed text.
pub fn query_string(text: &str) -> Value {
    json!({"query_string": {
        "query": words_to_query(text),
        "fields": SEARCH_FIELDS,
        "default_operator": "AND",
        "lenient": true,
    }})
}

#[cfg(test)]
mod tests {
    use super::words_to_query;

    #[test]
    fn plain_words_are_beginnings_and_their_special_characters_mean_nothing() {
        for (text, query) in [
            ("firefox 54 linux", "firefox* 54* linux*"),
            ("  en-US ", "en\\-US*"),
            ("build.id:20170713200529", "build.id:20170713200529*"),
            (
                "download.url:https://x/y",
                "download.url:https\\:\\/\\/x\\/y*",
            ),
            ("note:x", "note\\:x*"),
            ("", ""),
        ] {
            assert_eq!(words_to_query(text), query, "{text}");
        }
    }

    #[test]
    fn query_syntax_and_what_follows_an_apostrophe_stay_as_they_are() {
        for (text, query) in [
            ("'build.id:2017 ", "build.id:2017"),
            ("firefox AND 61.0", "firefox AND 61.0"),
            ("firefox -beta", "firefox -beta"),
            ("61.*", "61.*"),
            ("target.version:[60 TO 61}", "target.version:[60 TO 61}"),
        ] {
            assert_eq!(words_to_query(text), query, "{text}");
        }
    }
}
