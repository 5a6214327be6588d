// SPDX-License-Identifier: MPL-2.0
//! Which group of trees a tree is shown in (treestatus.md §11, §12).

use releng_common::{Error, Result};

/// A group of trees, in the order in which pages show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Where development happens.
    Development,
    /// Branches on their way to users.
    ReleaseStabilization,
    /// Trees for trying out.
    Try,
    /// Repositories of the mail client.
    CommRepos,
    /// Everything else.
    Other,
}

/// All categories with their names on the wire and on pages.
const NAMES: [(Category, &str, &str); 5] = [
    (Category::Development, "development", "Development"),
    (
        Category::ReleaseStabilization,
        "release_stabilization",
        "Release Stabilization",
    ),
    (Category::Try, "try", "Try"),
    (Category::CommRepos, "comm_repos", "Comm Repositories"),
    (Category::Other, "other", "Other"),
];

impl Category {
    /// Parses the text of the wire.
    ///
    /// # Errors
    /// `InvalidInput` that lists the names.
    pub fn parse(text: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, name, _)| *name == text);
        found.map(|(category, _, _)| *category).ok_or_else(|| {
            let names: Vec<String> = NAMES.iter().map(|(_, n, _)| format!("'{n}'")).collect();
            Error::invalid(format!("category must be one of {}", names.join(", ")))
        })
    }

    /// Returns the category that the name of a tree suggests.
    pub fn of_name(tree: &str) -> Self {
        match tree {
            "autoland" | "mozilla-central" => Self::Development,
            "mozilla-beta" | "mozilla-release" => Self::ReleaseStabilization,
            "try" | "try-comm-central" => Self::Try,
            name if name.starts_with("mozilla-esr") => Self::ReleaseStabilization,
            name if name.starts_with("comm-") => Self::CommRepos,
            _ => Self::Other,
        }
    }

    /// Returns the text of the wire.
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// Returns the heading on pages.
    pub fn heading(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        let found = NAMES.iter().find(|(category, _, _)| *category == self);
        found.map_or(("other", "Other"), |(_, name, heading)| (*name, *heading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_categories() {
        let table = [
            ("autoland", Category::Development),
            ("mozilla-esr140", Category::ReleaseStabilization),
            ("try-comm-central", Category::Try),
            ("comm-beta", Category::CommRepos),
            ("anything", Category::Other),
        ];
        for (name, category) in table {
            assert_eq!(Category::of_name(name), category, "{name}");
            assert_eq!(Category::parse(category.as_str()).unwrap(), category);
        }
        assert_eq!(
            Category::parse("Try").unwrap_err().message(),
            "category must be one of 'development', 'release_stabilization', 'try', 'comm_repos', 'other'"
        );
    }
}
