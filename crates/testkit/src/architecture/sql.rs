// SPDX-License-Identifier: MPL-2.0
//! SQL and diesel live in `repo`, and in the crates that are about databases.

use super::Violation;
use super::source::{lines_with, named_paths};
use super::tree::Tree;

const RULE: &str = "SQL belongs into repo";
const CRATE: &str = "diesel";
const FUNCTIONS: [&str; 1] = ["sql_query"];
/// The rest: the database layer, the queue in a table, and the databases of tests.
const PLACES: [&str; 3] = [
    "crates/db/",
    "crates/queue/",
    "crates/testkit/src/database/",
];

/// Returns where SQL is at the wrong place.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources().filter(|file| !may_have_sql(&file.path)) {
        let paths = named_paths(file);
        let mut lines: Vec<usize> = paths
            .iter()
            .filter(|named| named.foreign_crate() == Some(CRATE))
            .map(|named| named.line)
            .chain(
                lines_with(file, &FUNCTIONS)
                    .into_iter()
                    .map(|(line, _)| line),
            )
            .collect();
        lines.sort_unstable();
        lines.dedup();
        violations.extend(
            lines
                .iter()
                .map(|line| Violation::new(RULE, format!("{}:{line}", file.path))),
        );
    }
    violations
}

fn may_have_sql(path: &str) -> bool {
    let room = path
        .strip_prefix("services/")
        .and_then(|rest| rest.split('/').nth(2));
    matches!(room, Some("repo" | "repo.rs")) || PLACES.iter().any(|place| path.starts_with(place))
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
    fn sql_outside_of_repo_is_refused() {
        for path in [
            "services/tecken/src/ops/upload.rs",
            "services/tecken/src/http/api.rs",
            "services/tecken/src/lib.rs",
            "crates/common/src/lib.rs",
            "crates/testkit/src/poll.rs",
        ] {
            for text in [
                "\nuse diesel::prelude::*;",
                "\nuse diesel;",
                "\n#[derive(diesel::Queryable)] struct X;",
                "\nfn f() { conn.run(sql_query(x)) }",
            ] {
                assert_eq!(places(path, text), [format!("{path}:2")], "{text}");
            }
        }
    }

    #[test]
    fn repo_and_the_crates_about_databases_have_sql() {
        for path in [
            "services/tecken/src/repo/uploads.rs",
            "services/tecken/src/repo.rs",
            "crates/db/src/pool.rs",
            "crates/queue/src/table.rs",
            "crates/testkit/src/database/postgres.rs",
            "services/tecken/tests/api/main.rs",
        ] {
            assert_eq!(
                places(path, "use diesel::prelude::*; sql_query(x);"),
                [""; 0]
            );
        }
    }

    #[test]
    fn words_about_diesel_are_no_sql() {
        let text =
            "// diesel::x\nconst A: &str = \"diesel::sql_query\";\nuse diesel_migrations::X;";
        assert_eq!(places("services/tecken/src/lib.rs", text), [""; 0]);
    }
}
