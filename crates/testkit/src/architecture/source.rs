// SPDX-License-Identifier: MPL-2.0
//! As much of Rust's syntax as the rules need: words without comments and literals, and the paths
//! that a file names, `use` groups unfolded and `super` resolved.

mod words;

use super::tree::File;
use words::{Word, words};

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The segments. A path into the own crate begins with `crate`.
    pub(super) path: Vec<String>,
    /// Line of its first word.
    pub(super) line: usize,
    /// Whether it stands in a module of tests.
    pub(super) is_test: bool,
}

impl Named {
    /// Returns the first module of a path into the own crate.
    pub(super) fn own_module(&self) -> Option<&str> {
        match self.path.as_slice() {
            [first, second, ..] if first == "crate" => Some(second),
            _ => None,
        }
    }

    /// Returns the crate of a path that leads out.
    pub(super) fn foreign_crate(&self) -> Option<&str> {
        self.path
            .first()
            .map(String::as_str)
            .filter(|first| *first != "crate")
    }
}

/// Returns the paths that a file names: everything with `::` in it, and what `use` imports.
pub(super) fn named_paths(file: &File) -> Vec<Named> {
    let words = words(&file.text);
    let mut reader = Reader {
        words: &words,
        at: 0,
        module: module_of(&file.path),
        inline: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    reader.run();
    reader.found
}

/// Returns the lines on which one of some words stands outside comments and literals.
pub(super) fn lines_with<'a>(file: &'a File, wanted: &'a [&'a str]) -> Vec<(usize, String)> {
    let found = words(&file.text)
        .into_iter()
        .filter(|word| wanted.contains(&word.text.as_str()));
    found.map(|word| (word.line, word.text)).collect()
}

/// Returns the module of a file: `services/x/src/ops/tree.rs` is `ops::tree`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
    let mut parts: Vec<String> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(
        parts.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        parts.pop();
    }
    parts
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    module: Vec<String>,
    inline: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some(word) = self.words.get(self.at) {
            match word.text.as_str() {
                "{" => self.depth += 1,
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    self.inline.retain(|(_, depth)| *depth <= self.depth);
                }
                "mod" if self.peek(2) == "{" => {
                    self.inline.push((self.peek(1).to_owned(), self.depth + 1));
                }
                "use" | "crate" if word.text == "use" || self.is_extern_crate() => {
                    self.at += 1;
                    self.skip_leading_colons();
                    self.tree(Vec::new(), true);
                    continue;
                }
                _ if word.is_name() && self.peek(1) == "::" => {
                    self.tree(Vec::new(), false);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn is_extern_crate(&self) -> bool {
        self.at > 0
            && self
                .words
                .get(self.at - 1)
                .is_some_and(|word| word.text == "extern")
    }

    fn skip_leading_colons(&mut self) {
        if self.peek(0) == "::" {
            self.at += 1;
        }
    }

    fn peek(&self, ahead: usize) -> &str {
        self.words
            .get(self.at + ahead)
            .map_or("", |word| word.text.as_str())
    }

    /// Reads a path, or the tree of an import, from here on.
    fn tree(&mut self, mut path: Vec<String>, is_import: bool) {
        let line = self.words.get(self.at).map_or(0, |word| word.line);
        loop {
            match self.words.get(self.at) {
                Some(word) if word.is_name() => path.push(word.text.clone()),
                Some(word) if word.text == "*" && is_import => path.push("*".to_owned()),
                Some(word) if word.text == "{" && is_import => {
                    self.group(&path);
                    return;
                }
                _ => break,
            }
            self.at += 1;
            if self.peek(0) != "::" {
                break;
            }
            self.at += 1;
        }
        if is_import && self.peek(0) == "as" {
            self.at += 2;
        }
        self.keep(path, line);
    }

    fn group(&mut self, prefix: &[String]) {
        self.at += 1;
        while !matches!(self.peek(0), "}" | "") {
            let before = self.at;
            self.tree(prefix.to_vec(), true);
            if self.peek(0) == "," || self.at == before {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn keep(&mut self, path: Vec<String>, line: usize) {
        let path = self.resolved(path);
        let mut modules = self
            .module
            .iter()
            .chain(self.inline.iter().map(|(name, _)| name));
        let is_test = modules.any(|name| name == "tests");
        if !path.is_empty() {
            self.found.push(Named {
                path,
                line,
                is_test,
            });
        }
    }

    /// Turns `self::` and `super::` into `crate::`.
    fn resolved(&self, path: Vec<String>) -> Vec<String> {
        if !matches!(path.first().map(String::as_str), Some("self" | "super")) {
            return path;
        }
        let mut module = self.module.clone();
        module.extend(self.inline.iter().map(|(name, _)| name.clone()));
        let mut rest = path.into_iter().peekable();
        while let Some(word) = rest.next_if(|word| word == "super" || word == "self") {
            if word == "super" {
                module.pop();
            }
        }
        std::iter::once("crate".to_owned())
            .chain(module)
            .chain(rest)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, text: &str) -> Vec<String> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        named_paths(&file)
            .iter()
            .map(|named| named.path.join("::"))
            .collect()
    }

    #[test]
    fn groups_are_unfolded() {
        let text = "use crate::{http::{api, pages as p}, ops, repo::*};\nuse std::io;";
        assert_eq!(
            paths("services/x/src/ops/a.rs", text),
            [
                "crate::http::api",
                "crate::http::pages",
                "crate::ops",
                "crate::repo::*",
                "std::io"
            ]
        );
    }

    #[test]
    fn paths_in_code_count_too() {
        let text = "fn f() -> crate::http::Reply { ::diesel::sql_query(a::<B>::c()); x }";
        assert_eq!(
            paths("services/x/src/ops/a.rs", text),
            ["crate::http::Reply", "diesel::sql_query", "a"]
        );
        assert_eq!(
            paths("a/src/b.rs", "use diesel; extern crate hawk as h;"),
            ["diesel", "hawk"]
        );
    }

    #[test]
    fn super_leads_to_the_crate() {
        let file = "services/x/src/ops/tree.rs";
        assert_eq!(
            paths(file, "use super::super::http::x;"),
            ["crate::http::x"]
        );
        assert_eq!(paths(file, "use super::other;"), ["crate::ops::other"]);
        let folder = "services/x/src/ops/mod.rs";
        assert_eq!(paths(folder, "use super::http;"), ["crate::http"]);
        let inline = "mod a { use super::super::b; } use self::c::D;";
        assert_eq!(
            paths(file, inline),
            ["crate::ops::b", "crate::ops::tree::c::D"]
        );
    }

    #[test]
    fn modules_of_tests_are_known() {
        let text = "use a::b;\nmod tests {\n    use c::d;\n}\nuse e::f;";
        let file = File {
            path: "crates/x/src/y.rs".to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<_> = named_paths(&file)
            .iter()
            .map(|n| (n.line, n.is_test))
            .collect();
        assert_eq!(found, [(1, false), (3, true), (5, false)]);
        let file = File {
            path: "crates/x/src/y/tests.rs".to_owned(),
            text: text.to_owned(),
        };
        assert!(named_paths(&file).iter().all(|named| named.is_test));
    }

    #[test]
    fn an_unfinished_import_comes_to_an_end() {
        assert_eq!(
            paths("a/src/b.rs", "use a::{b, (c)"),
            ["a::b", "a", "a::c", "a"]
        );
        assert_eq!(paths("a/src/b.rs", "use"), [""; 0]);
    }
}
