// SPDX-License-Identifier: MPL-2.0
//! The text files of a workspace, in memory.

use std::path::Path;

/// Folders that hold what tools and runs leave behind.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];
/// The same, at the top only.
const SKIPPED_AT_TOP: [&str; 1] = ["data"];
/// Larger files are data, not source.
const MAX_BYTES: u64 = 4 << 20;

/// A file with its path from the root, separated by `/`.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// All text files, in order.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

impl Tree {
    /// Reads a folder.
    ///
    /// # Errors
    /// A folder or a file cannot be read.
    pub(super) fn read(root: &Path) -> std::io::Result<Self> {
        let mut tree = Self { files: Vec::new() };
        tree.add(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let at_top = prefix.is_empty() && SKIPPED_AT_TOP.contains(&name.as_str());
                if !at_top && !SKIPPED.contains(&name.as_str()) {
                    self.add(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() && entry.metadata()?.len() <= MAX_BYTES {
                // What is not text cannot break a rule about text.
                if let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) {
                    self.files.push(File { path, text });
                }
            }
        }
        Ok(())
    }

    /// Returns the text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// Returns the names of what is directly inside a folder, in order.
    pub(super) fn names_in(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .iter()
            .filter_map(|file| file.path.strip_prefix(folder)?.strip_prefix('/'))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        names.dedup();
        names
    }

    /// Returns the Rust files that are part of a program: inside `src` of a crate or a service.
    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            let mut parts = file.path.split('/');
            let top = parts.next().unwrap_or_default();
            let _name = parts.next();
            ["crates", "services"].contains(&top)
                && parts.next() == Some("src")
                && file.path.ends_with(".rs")
        })
    }

    /// Makes a tree up.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_knows_what_is_directly_inside() {
        let tree = Tree::of(&[("a/b/c", ""), ("a/b/d", ""), ("a/e", ""), ("ab/f", "")]);
        assert_eq!(tree.names_in("a"), ["b", "e"]);
        assert_eq!(tree.names_in("a/b"), ["c", "d"]);
        assert_eq!(tree.names_in("x"), [""; 0]);
    }

    #[test]
    fn sources_are_in_src_of_crates_and_services() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", ""),
            ("crates/a/tests/x.rs", ""),
            ("crates/a/src/x.sql", ""),
            ("services/b/src/http/mod.rs", ""),
            ("deploy/src/x/src/y.rs", ""),
        ]);
        let paths: Vec<&str> = tree.sources().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["crates/a/src/lib.rs", "services/b/src/http/mod.rs"]);
    }
}
