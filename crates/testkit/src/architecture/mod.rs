// SPDX-License-Identifier: MPL-2.0
//! The architecture as a test: who may use whom, where SQL and settings live, what every file and
//! every service looks like. It reads the source tree and knows no crate of ours.

mod environment;
mod graph;
mod layers;
mod length;
mod licence;
mod rooms;
mod source;
mod sql;
mod tree;

use std::fmt;
use std::path::Path;

use tree::Tree;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The rule, in words.
    pub rule: String,
    /// The file, with the line where there is one.
    pub place: String,
}

impl Violation {
    fn new(rule: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            place: place.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// Checks the workspace in a folder against all rules.
///
/// # Errors
/// The folder cannot be read.
pub fn check(workspace_root: &Path) -> std::io::Result<Vec<Violation>> {
    let tree = Tree::read(workspace_root)?;
    let rules: [fn(&Tree) -> Vec<Violation>; 7] = [
        layers::check,
        graph::check,
        sql::check,
        environment::check,
        licence::check,
        rooms::check,
        length::check,
    ];
    let mut violations: Vec<Violation> = rules.iter().flat_map(|rule| rule(&tree)).collect();
    violations.sort();
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_look_at_a_real_folder() {
        let root = crate::temp::dir();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let long = "// SPDX-License-Identifier: MPL-2.0\n".repeat(501);
        write(
            "services/tooltool/src/ops/tree.rs",
            "use crate::http;\nuse diesel::prelude::*;\n",
        );
        write("services/tooltool/src/lib.rs", &long);
        write(
            "services/tooltool/src/settings.rs",
            "const A: B = std::env::var;\n",
        );
        write(
            "services/tooltool/Cargo.toml",
            "[dependencies]\nreleng-symbols = \"1\"\n",
        );
        write("target/ignored.rs", "no licence here");
        write(".git/ignored.rs", "no licence here");
        let found: Vec<String> = check(root.path())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        for expected in [
            "services/tooltool/src/ops/tree.rs:1: ops must not use crate::http",
            "services/tooltool/src/ops/tree.rs:2: SQL belongs into repo",
            "services/tooltool/src/settings.rs:1: the environment is read in \
             crates/common/src/config alone",
            "services/tooltool/Cargo.toml: releng-tooltool must not depend on releng-symbols",
            "services/tooltool/src/ops/tree.rs: the first lines must name the licence \
             (SPDX-License-Identifier)",
            "services/tooltool: src/main.rs is missing",
            "services/tooltool/src/lib.rs: more than 500 lines (501)",
        ] {
            assert!(
                found.iter().any(|line| line == expected),
                "{expected} not in {found:#?}"
            );
        }
        assert!(
            !found.iter().any(|line| line.contains("ignored")),
            "{found:#?}"
        );
    }
}
