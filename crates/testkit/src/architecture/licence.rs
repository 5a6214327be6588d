// SPDX-License-Identifier: MPL-2.0
//! Every source file says under which licence it is.

use super::Violation;
use super::tree::{File, Tree};

const RULE: &str = "the first lines must name the licence (SPDX-License-Identifier)";
const ENDINGS: [&str; 9] = [
    ".rs", ".sql", ".sh", ".css", ".js", ".html", ".toml", ".yml", ".yaml",
];
const NAMES: [&str; 2] = ["Makefile", "Dockerfile"];

/// Returns the files without a licence in their first two lines; a script has its interpreter in
/// the first.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let sources = tree.files.iter().filter(|file| is_source(file));
    let unmarked = sources.filter(|file| {
        !file
            .text
            .lines()
            .take(2)
            .any(|line| line.contains("SPDX-License-Identifier: MPL-2.0"))
    });
    unmarked
        .map(|file| Violation::new(RULE, file.path.clone()))
        .collect()
}

fn is_source(file: &File) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
        || NAMES
            .iter()
            .any(|known| name == *known || name.starts_with(&format!("{known}.")))
        || file.text.starts_with("#!")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 13] = [
        "a.rs",
        "b/c.sql",
        "d.sh",
        "e.css",
        "f.js",
        "g.html",
        "Cargo.toml",
        ".github/workflows/h.yml",
        "i.yaml",
        "Makefile",
        "deploy/Dockerfile",
        "deploy/Dockerfile.demo",
        "deploy/postgres/start",
    ];

    fn places(text: &str) -> Vec<String> {
        let files: Vec<_> = SOURCES.iter().map(|path| (*path, text)).collect();
        check(&Tree::of(&files))
            .into_iter()
            .map(|v| v.place)
            .collect()
    }

    #[test]
    fn a_source_file_without_licence_is_refused() {
        let mut all = SOURCES.to_vec();
        all.sort_unstable();
        assert_eq!(
            places("#!/bin/sh\n\n# SPDX-License-Identifier: MPL-2.0\n"),
            all
        );
        assert_eq!(
            places("#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"),
            all
        );
    }

    #[test]
    fn the_licence_stands_in_the_first_or_second_line() {
        assert_eq!(places("# SPDX-License-Identifier: MPL-2.0\n"), [""; 0]);
        assert_eq!(
            places("#!/bin/sh\n# SPDX-License-Identifier: MPL-2.0\n"),
            [""; 0]
        );
    }

    #[test]
    fn data_and_prose_need_none() {
        let tree = Tree::of(&[("README.md", "x"), ("a.json", "{}"), ("Cargo.lock", "x")]);
        assert_eq!(check(&tree), []);
    }
}
