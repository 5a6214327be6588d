// SPDX-License-Identifier: MPL-2.0
//! Files stay short enough to be read at once.

use super::Violation;
use super::tree::Tree;

const MAX_LINES: usize = 500;

/// Returns the files that are too long.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let lengths = tree
        .sources()
        .map(|file| (&file.path, file.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| {
            Violation::new(
                format!("more than {MAX_LINES} lines ({lines})"),
                path.clone(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_lines_are_the_most() {
        let (good, bad) = ("x\n".repeat(500), "x\n".repeat(501));
        let tree = Tree::of(&[
            ("crates/db/src/good.rs", good.as_str()),
            ("crates/db/src/bad.rs", bad.as_str()),
            ("crates/db/tests/long.rs", bad.as_str()),
        ]);
        assert_eq!(
            check(&tree),
            [Violation::new(
                "more than 500 lines (501)",
                "crates/db/src/bad.rs"
            )]
        );
    }
}
