// SPDX-License-Identifier: MPL-2.0
//! The rules of `PATCH /trees` (treestatus.md §5), as a value that cannot break them.

use std::collections::BTreeSet;

use releng_common::{Error, Result};

use super::{Category, Status, Tree};

/// Stands in a log entry for the part that a change did not give. It never becomes a tree's status.
pub const NO_CHANGE: &str = "no change";

/// Most trees of one request.
pub const TREES_LIMIT: usize = 1000;

/// Returns the error for a request that names too many trees.
pub fn too_many() -> Error {
    Error::invalid(format!("trees must name at most {TREES_LIMIT} trees"))
}

/// Returns the error for a request that names no tree (D-19).
pub fn no_trees() -> Error {
    Error::invalid("trees must name at least one tree")
}

/// Checks that a reason is one: the placeholder would mean nothing wherever it is read.
///
/// # Errors
/// `InvalidInput`.
pub fn check_reason(text: &str) -> Result<()> {
    if text == NO_CHANGE {
        let what = "stands in the log for a reason that was not given";
        return Err(Error::invalid(format!(
            "reason must not be '{NO_CHANGE}', which {what}"
        )));
    }
    Ok(())
}

/// A valid change of one or more trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Names, sorted, each once (D-19).
    pub trees: BTreeSet<String>,
    /// New status.
    pub status: Option<Status>,
    /// New reason.
    pub reason: Option<String>,
    /// New message of the day.
    pub message_of_the_day: Option<String>,
    /// New tags.
    pub tags: Option<Vec<String>>,
    /// New category. Like the message of the day it belongs to the tree alone.
    pub category: Option<Category>,
    /// Whether the state before goes on the stack.
    pub remember: bool,
}

impl Update {
    /// Checks that it names trees, and not too many.
    ///
    /// # Errors
    /// `InvalidInput`.
    pub fn check_trees(self) -> Result<Self> {
        if self.trees.is_empty() {
            return Err(no_trees());
        }
        if self.trees.len() > TREES_LIMIT {
            return Err(too_many());
        }
        Ok(self)
    }

    /// Checks that closing and remembering come with what they need. That all trees exist comes
    /// before it (treestatus.md §5).
    ///
    /// # Errors
    /// `InvalidInput` in the words of the contract.
    pub fn check_completeness(&self) -> Result<()> {
        if self.status == Some(Status::Closed) && self.tags.as_ref().is_none_or(Vec::is_empty) {
            return Err(Error::invalid("tags are required when closing a tree"));
        }
        let is_complete = self.status.is_some() && self.reason.is_some() && self.tags.is_some();
        if self.remember && !is_complete {
            return Err(Error::invalid(
                "must specify status, reason and tags to remember the change",
            ));
        }
        Ok(())
    }

    /// Returns a tree with the given fields; tags and log entry are not among them.
    pub fn applied_to(&self, before: &Tree) -> Tree {
        let mut after = before.clone();
        if let Some(status) = self.status {
            status.as_str().clone_into(&mut after.status);
        }
        if let Some(reason) = &self.reason {
            after.reason.clone_from(reason);
        }
        if let Some(text) = &self.message_of_the_day {
            after.message_of_the_day.clone_from(text);
        }
        after.category = self.category.unwrap_or(after.category);
        after
    }

    /// Returns the one update that leaves trees as this and a later one of the same trees do.
    #[must_use]
    pub fn then(self, later: &Self) -> Self {
        let later = later.clone();
        Self {
            trees: later.trees,
            status: later.status.or(self.status),
            reason: later.reason.or(self.reason),
            message_of_the_day: later.message_of_the_day.or(self.message_of_the_day),
            tags: later.tags.or(self.tags),
            category: later.category.or(self.category),
            remember: later.remember,
        }
    }

    /// Returns status, reason and tags of the log entry that the change writes, if it writes one.
    pub fn log_entry(&self) -> Option<(String, String, Vec<String>)> {
        let reason = self.reason.as_deref().filter(|r| !r.is_empty());
        if self.status.is_none() && reason.is_none() {
            return None;
        }
        let status = self.status.map_or(NO_CHANGE, Status::as_str);
        let reason = self.reason.as_deref().unwrap_or(NO_CHANGE);
        Some((
            status.to_owned(),
            reason.to_owned(),
            self.tags.clone().unwrap_or_default(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> Update {
        Update {
            trees: BTreeSet::from(["a".to_owned()]),
            status: None,
            reason: None,
            message_of_the_day: None,
            tags: None,
            category: None,
            remember: false,
        }
    }

    #[test]
    fn one_after_the_other_are_as_one() {
        let first = Update {
            status: Some(Status::Closed),
            reason: Some("bug 1".to_owned()),
            message_of_the_day: Some("m".to_owned()),
            ..update()
        };
        let later = Update {
            reason: Some("bug 2".to_owned()),
            category: Some(Category::Other),
            ..update()
        };
        let both = Update {
            status: Some(Status::Closed),
            reason: Some("bug 2".to_owned()),
            message_of_the_day: Some("m".to_owned()),
            category: Some(Category::Other),
            ..update()
        };
        assert_eq!(first.then(&later), both);
    }

    #[test]
    fn closing_needs_tags_and_remembering_needs_everything() {
        let close = Update {
            status: Some(Status::Closed),
            ..update()
        };
        let text = "tags are required when closing a tree";
        assert_eq!(close.check_completeness().unwrap_err().message(), text);
        let empty = Update {
            tags: Some(vec![]),
            ..close.clone()
        };
        assert_eq!(empty.check_completeness().unwrap_err().message(), text);
        let tagged = Update {
            tags: Some(vec![String::new()]),
            ..close
        };
        assert!(tagged.check_completeness().is_ok());
        let remembered = Update {
            remember: true,
            ..tagged
        };
        assert_eq!(
            remembered.check_completeness().unwrap_err().message(),
            "must specify status, reason and tags to remember the change"
        );
    }

    #[test]
    fn only_a_status_or_a_real_reason_writes_a_log_entry() {
        let tags = vec!["infra".to_owned()];
        assert_eq!(update().log_entry(), None);
        assert_eq!(
            Update {
                tags: Some(tags.clone()),
                ..update()
            }
            .log_entry(),
            None
        );
        assert_eq!(
            Update {
                reason: Some(String::new()),
                ..update()
            }
            .log_entry(),
            None
        );
        let motd = Update {
            message_of_the_day: Some("hi".to_owned()),
            ..update()
        };
        assert_eq!(motd.log_entry(), None);
        let reason = Update {
            reason: Some("bug 1".to_owned()),
            tags: Some(tags),
            ..update()
        };
        assert_eq!(
            reason.log_entry(),
            Some((
                "no change".to_owned(),
                "bug 1".to_owned(),
                vec!["infra".to_owned()]
            ))
        );
        let status = Update {
            status: Some(Status::Open),
            ..update()
        };
        assert_eq!(
            status.log_entry(),
            Some(("open".to_owned(), "no change".to_owned(), vec![]))
        );
    }
}
