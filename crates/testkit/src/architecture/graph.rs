// SPDX-License-Identifier: MPL-2.0
//! Which of our crates may depend on which.

use toml::{Table, Value};

use super::Violation;
use super::tree::Tree;

const PREFIX: &str = "releng-";
const TESTKIT: &str = "testkit";

/// Crates with what they may depend on, all without the prefix.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("common", &[]),
    ("symbols", &[]),
    ("tooltool-client", &[]),
    ("tooltool-sync", &["tooltool-client"]),
    ("db", &["common"]),
    ("store", &["common"]),
    ("cache", &["common"]),
    ("events", &["common"]),
    ("search", &["common"]),
    ("queue", &["common", "db"]),
    (TESTKIT, &["common", "db", "store"]),
    ("tooltool", &["common", "db", "store", "queue", "events"]),
    ("treestatus", &["common", "db", "cache", "events"]),
    (
        "tecken",
        &["common", "db", "store", "cache", "queue", "symbols"],
    ),
    ("buildhub", &["common", "db", "store", "queue", "search"]),
    (
        "all-in-one",
        &[
            "common",
            "tooltool",
            "treestatus",
            "tecken",
            "buildhub",
            TESTKIT,
        ],
    ),
];

/// What tests alone may use besides: a service is tested with its real clients.
const FOR_TESTS: [(&str, &str); 2] = [
    ("tooltool", "tooltool-client"),
    ("tooltool", "tooltool-sync"),
];

/// Returns the dependencies that the graph does not have.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for folder in ["crates", "services"] {
        for name in tree.names_in(folder) {
            let path = format!("{folder}/{name}/Cargo.toml");
            if let Some(text) = tree.text(&path) {
                manifest(name, &path, text, &mut violations);
            }
        }
    }
    violations
}

fn manifest(name: &str, path: &str, text: &str, violations: &mut Vec<Violation>) {
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        violations.push(Violation::new(
            format!("{PREFIX}{name} is not part of the graph"),
            path,
        ));
        return;
    };
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            let line = error.to_string().replace('\n', " ");
            violations.push(Violation::new(format!("not a manifest: {line}"), path));
            return;
        }
    };
    for (section, is_dev) in sections(&manifest) {
        for dependency in section
            .iter()
            .filter_map(|(key, value)| own_crate(key, value))
        {
            let is_itself = dependency == name && is_dev;
            let is_tool = dependency == TESTKIT || FOR_TESTS.contains(&(name, dependency));
            let is_for_tests = is_tool && is_dev;
            if !is_itself && !is_for_tests && !allowed.contains(&dependency) {
                let rule = format!("{PREFIX}{name} must not depend on {PREFIX}{dependency}");
                violations.push(Violation::new(rule, path));
            }
        }
    }
}

/// Returns the tables of dependencies, those for single platforms included, and whether they are
/// for tests.
fn sections(manifest: &Table) -> Vec<(&Table, bool)> {
    let platforms = manifest.get("target").and_then(Value::as_table);
    let tables = platforms
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(tables) {
        for (name, is_dev) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            found.extend(
                table
                    .get(name)
                    .and_then(Value::as_table)
                    .map(|table| (table, is_dev)),
            );
        }
    }
    found
}

/// Returns the name of one of our crates without its prefix, also when it is renamed.
fn own_crate<'a>(key: &'a str, value: &'a Value) -> Option<&'a str> {
    let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
    name.strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|v| v.rule)
            .collect()
    }

    #[test]
    fn what_is_not_in_the_graph_is_refused() {
        for (path, dependency, rule) in [
            (
                "crates/common/Cargo.toml",
                "db",
                "releng-common must not depend on releng-db",
            ),
            (
                "crates/symbols/Cargo.toml",
                "common",
                "releng-symbols must not depend on releng-common",
            ),
            (
                "crates/store/Cargo.toml",
                "db",
                "releng-store must not depend on releng-db",
            ),
            (
                "crates/db/Cargo.toml",
                "testkit",
                "releng-db must not depend on releng-testkit",
            ),
            (
                "crates/testkit/Cargo.toml",
                "tecken",
                "releng-testkit must not depend on releng-tecken",
            ),
            (
                "services/tooltool/Cargo.toml",
                "cache",
                "releng-tooltool must not depend on releng-cache",
            ),
            (
                "services/treestatus/Cargo.toml",
                "store",
                "releng-treestatus must not depend on releng-store",
            ),
            (
                "services/buildhub/Cargo.toml",
                "symbols",
                "releng-buildhub must not depend on releng-symbols",
            ),
            (
                "services/all-in-one/Cargo.toml",
                "db",
                "releng-all-in-one must not depend on releng-db",
            ),
        ] {
            for section in [
                "dependencies",
                "build-dependencies",
                "target.'cfg(unix)'.dependencies",
            ] {
                let text = format!("[{section}]\nreleng-{dependency}.workspace = true\n");
                assert_eq!(rules(path, &text), [rule], "{section}");
            }
        }
    }

    #[test]
    fn a_renamed_crate_is_the_same_crate() {
        let text = "[dependencies]\ninnocent = { package = \"releng-db\", path = \"../db\" }\n";
        assert_eq!(
            rules("crates/symbols/Cargo.toml", text),
            ["releng-symbols must not depend on releng-db"]
        );
    }

    #[test]
    fn the_graph_itself_is_allowed() {
        for (name, dependencies) in ALLOWED {
            let folder =
                if ["tooltool", "treestatus", "tecken", "buildhub", "all-in-one"].contains(&name) {
                    "services"
                } else {
                    "crates"
                };
            let mut text = "[dev-dependencies]\nreleng-testkit.workspace = true\n".to_owned();
            text.push_str(&format!("releng-{name} = {{ path = \".\" }}\n"));
            text.push_str("[dependencies]\nserde = \"1\"\n");
            for dependency in dependencies {
                text.push_str(&format!("releng-{dependency}.workspace = true\n"));
            }
            if name == TESTKIT {
                text = text.replacen("releng-testkit.workspace = true\n", "", 1);
            }
            assert_eq!(
                rules(&format!("{folder}/{name}/Cargo.toml"), &text),
                [""; 0],
                "{text}"
            );
        }
    }

    #[test]
    fn a_new_crate_must_be_entered() {
        assert_eq!(
            rules("crates/novel/Cargo.toml", ""),
            ["releng-novel is not part of the graph"]
        );
        let rules = rules("crates/db/Cargo.toml", "[");
        assert!(rules[0].starts_with("not a manifest: "), "{rules:?}");
    }
}
