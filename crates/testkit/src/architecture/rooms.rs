// SPDX-License-Identifier: MPL-2.0
//! The four services have the same rooms, so that a reader learns one and knows all.

use super::Violation;
use super::tree::Tree;

const SERVICES: [&str; 4] = ["tooltool", "treestatus", "tecken", "buildhub"];
const FILES: [&str; 5] = [
    "src/main.rs",
    "src/lib.rs",
    "src/settings.rs",
    "src/state.rs",
    "tests/api/main.rs",
];
const FOLDERS: [&str; 4] = ["src/domain", "src/ops", "src/repo", "src/http"];
const DATABASES: [&str; 2] = ["migrations/sqlite", "migrations/postgres"];

/// Returns the rooms that a service lacks, and migrations that only one database has.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for service in SERVICES {
        let root = format!("services/{service}");
        let mut refuse = |rule: String| violations.push(Violation::new(rule, root.clone()));
        for file in FILES
            .iter()
            .filter(|file| tree.text(&format!("{root}/{file}")).is_none())
        {
            refuse(format!("{file} is missing"));
        }
        for folder in FOLDERS.iter().chain(&DATABASES) {
            if tree.names_in(&format!("{root}/{folder}")).is_empty() {
                refuse(format!("{folder}/ is missing"));
            }
        }
        for [here, there] in [DATABASES, [DATABASES[1], DATABASES[0]]] {
            let others = tree.names_in(&format!("{root}/{there}"));
            for name in tree.names_in(&format!("{root}/{here}")) {
                if !others.contains(&name) {
                    refuse(format!("{here}/{name} has no counterpart in {there}"));
                }
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Vec<String> {
        let rooms = FILES.iter().map(|file| (*file).to_owned());
        let folders = FOLDERS.iter().map(|folder| format!("{folder}/mod.rs"));
        let migrations = DATABASES
            .iter()
            .map(|folder| format!("{folder}/2026-01-10_init/up.sql"));
        let rooms: Vec<String> = rooms.chain(folders).chain(migrations).collect();
        SERVICES
            .iter()
            .flat_map(|service| {
                rooms
                    .iter()
                    .map(move |room| format!("services/{service}/{room}"))
            })
            .collect()
    }

    fn violations(paths: &[String]) -> Vec<String> {
        let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "")).collect();
        check(&Tree::of(&files))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_complete_service_lacks_nothing() {
        assert_eq!(violations(&complete()), [""; 0]);
    }

    #[test]
    fn each_missing_room_is_named() {
        for path in complete() {
            let rest: Vec<String> = complete().into_iter().filter(|p| *p != path).collect();
            let found = violations(&rest);
            let (service, room) = path
                .strip_prefix("services/")
                .unwrap()
                .split_once('/')
                .unwrap();
            let expected = match room.strip_suffix("/mod.rs") {
                Some(folder) => format!("services/{service}: {folder}/ is missing"),
                None if room.starts_with("migrations/") => {
                    let folder = room.strip_suffix("/2026-01-10_init/up.sql").unwrap();
                    format!("services/{service}: {folder}/ is missing")
                }
                None => format!("services/{service}: {room} is missing"),
            };
            assert!(found.contains(&expected), "{expected} not in {found:?}");
        }
    }

    #[test]
    fn a_migration_of_one_database_alone_is_refused() {
        for (here, there) in [
            ("migrations/sqlite", "migrations/postgres"),
            ("migrations/postgres", "migrations/sqlite"),
        ] {
            let mut paths = complete();
            paths.push(format!("services/tecken/{here}/2026-02-01_more/up.sql"));
            assert_eq!(
                violations(&paths),
                [format!(
                    "services/tecken: {here}/2026-02-01_more has no counterpart in {there}"
                )]
            );
        }
    }
}
