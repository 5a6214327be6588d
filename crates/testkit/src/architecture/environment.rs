// SPDX-License-Identifier: MPL-2.0
//! The environment is read in one place, so that every setting has a name, a default and a check.

use super::Violation;
use super::source::{Named, named_paths};
use super::tree::Tree;

const RULE: &str = "the environment is read in crates/common/src/config alone";
const FUNCTIONS: [&str; 4] = ["var", "vars", "var_os", "vars_os"];
/// The one place, and those that have reasons of their own: the command line client depends on
/// nothing of ours, and a test run is no service.
const PLACES: [&str; 3] = [
    "crates/common/src/config",
    "crates/tooltool-client/src/cli/environment.rs",
    "crates/testkit/src/requirement.rs",
];

/// Returns where the environment is read elsewhere.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree
        .sources()
        .filter(|file| !PLACES.iter().any(|p| file.path.starts_with(p)))
    {
        for named in named_paths(file)
            .iter()
            .filter(|named| !named.is_test && reads(named))
        {
            violations.push(Violation::new(
                RULE,
                format!("{}:{}", file.path, named.line),
            ));
        }
    }
    violations
}

fn reads(named: &Named) -> bool {
    named.path.windows(2).any(|pair| {
        matches!(pair, [module, function]
            if module == "env" && (FUNCTIONS.contains(&function.as_str()) || function == "*"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|v| v.place)
            .collect()
    }

    #[test]
    fn reading_elsewhere_is_refused() {
        let path = "services/tecken/src/settings.rs";
        for text in [
            "\nlet a = std::env::var(\"A\");",
            "\nlet a = env::var_os(\"A\");",
            "\nuse std::env::{vars, args};",
            "\nuse std::env::*;",
        ] {
            assert_eq!(places(path, text), [format!("{path}:2")], "{text}");
        }
    }

    #[test]
    fn the_one_place_tests_and_build_scripts_may_read() {
        let text = "fn f() { std::env::var(\"A\"); }";
        for path in [
            "crates/common/src/config/source.rs",
            "crates/tooltool-client/src/cli/environment.rs",
            "crates/testkit/src/requirement.rs",
            "crates/cache/tests/redis.rs",
            "crates/db/build.rs",
            "crates/db/src/pool/tests.rs",
        ] {
            assert_eq!(places(path, text), [""; 0], "{path}");
        }
        let tests = format!("mod tests {{ {text} }}");
        assert_eq!(places("crates/db/src/pool.rs", &tests), [""; 0]);
    }

    #[test]
    fn other_parts_of_the_environment_are_free() {
        let text = "std::env::args(); std::env::current_dir(); env!(\"CARGO_PKG_NAME\");";
        assert_eq!(places("services/tecken/src/main.rs", text), [""; 0]);
    }
}
