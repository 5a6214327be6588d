// SPDX-License-Identifier: MPL-2.0
//! The layers of a service: `http → ops → repo, state, worker → domain`, downwards only.

use super::Violation;
use super::source::{lines_with, named_paths};
use super::tree::{File, Tree};

/// What a layer must not know.
struct Layer {
    name: &'static str,
    /// Modules of the own crate.
    modules: &'static [&'static str],
    /// Beginnings of the names of other crates.
    crates: &'static [&'static str],
    /// Words of the language.
    words: &'static [&'static str],
}

const LAYERS: [Layer; 5] = [
    Layer {
        name: "domain",
        modules: &["http", "ops", "repo", "state", "worker"],
        crates: &["actix", "diesel"],
        words: &["async", "await"],
    },
    Layer {
        name: "repo",
        modules: &["http", "ops", "worker"],
        crates: &["actix"],
        words: &[],
    },
    Layer {
        name: "ops",
        modules: &["http"],
        crates: &["actix"],
        words: &[],
    },
    Layer {
        name: "state",
        modules: &["http"],
        crates: &[],
        words: &[],
    },
    Layer {
        name: "worker",
        modules: &["http"],
        crates: &["actix_web"],
        words: &[],
    },
];

/// Returns where a layer looks upwards.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources() {
        if let Some(layer) = layer_of(&file.path) {
            layer.check(file, &mut violations);
        }
    }
    violations
}

fn layer_of(path: &str) -> Option<&'static Layer> {
    let mut parts = path.strip_prefix("services/")?.split('/').skip(2);
    let room = parts.next()?.trim_end_matches(".rs");
    LAYERS.iter().find(|layer| layer.name == room)
}

impl Layer {
    fn check(&self, file: &File, violations: &mut Vec<Violation>) {
        let mut refuse = |what: String, line: usize| {
            let rule = format!("{} must not use {what}", self.name);
            violations.push(Violation::new(rule, format!("{}:{line}", file.path)));
        };
        for named in named_paths(file) {
            if let Some(module) = named.own_module().filter(|m| self.modules.contains(m)) {
                refuse(format!("crate::{module}"), named.line);
            }
            let foreign = named.foreign_crate();
            if let Some(name) = foreign.filter(|n| self.crates.iter().any(|c| n.starts_with(c))) {
                refuse(name.to_owned(), named.line);
            }
        }
        for (line, word) in lines_with(file, self.words) {
            refuse(word, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|v| v.to_string())
            .collect()
    }

    #[test]
    fn no_layer_looks_upwards() {
        for (layer, above) in [
            ("domain", vec!["http", "ops", "repo", "state", "worker"]),
            ("repo", vec!["http", "ops", "worker"]),
            ("ops", vec!["http"]),
            ("state", vec!["http"]),
            ("worker", vec!["http"]),
        ] {
            for module in above {
                for path in [
                    format!("services/tecken/src/{layer}/a.rs"),
                    format!("services/tecken/src/{layer}/mod.rs"),
                    format!("services/tecken/src/{layer}.rs"),
                ] {
                    for text in [
                        format!("\nuse crate::{module}::X;"),
                        format!("\nfn f() {{ crate::{module}::f() }}"),
                    ] {
                        assert_eq!(
                            rules(&path, &text),
                            [format!("{path}:2: {layer} must not use crate::{module}")]
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_layer_looks_downwards() {
        for (layer, text) in [
            (
                "http",
                "use crate::{ops, repo, domain, state}; use actix_web::web;",
            ),
            ("ops", "use crate::{repo, domain, state}; async fn f() {}"),
            ("repo", "use crate::domain::Tree; use diesel::prelude::*;"),
            ("worker", "use crate::{ops, repo, domain, state};"),
            ("state", "use crate::{settings, repo, domain};"),
            (
                "domain",
                "use std::fmt; use crate::domain::other; // crate::http, async",
            ),
        ] {
            let path = format!("services/tecken/src/{layer}/a.rs");
            assert_eq!(rules(&path, text), [""; 0]);
        }
    }

    #[test]
    fn only_http_knows_the_web_framework() {
        for layer in ["domain", "repo", "ops"] {
            let path = format!("services/tecken/src/{layer}/a.rs");
            for name in ["actix_web", "actix_multipart"] {
                assert_eq!(
                    rules(&path, &format!("use {name}::x;")),
                    [format!("{path}:1: {layer} must not use {name}")]
                );
            }
        }
    }

    #[test]
    fn domain_is_pure() {
        let path = "services/tecken/src/domain/a.rs";
        assert_eq!(
            rules(path, "use diesel::Queryable;\nasync fn f() { g().await }"),
            [
                format!("{path}:1: domain must not use diesel"),
                format!("{path}:2: domain must not use async"),
                format!("{path}:2: domain must not use await"),
            ]
        );
    }

    #[test]
    fn crates_have_no_layers() {
        assert_eq!(
            rules("crates/db/src/repo/a.rs", "use crate::http;"),
            [""; 0]
        );
    }
}
