// SPDX-License-Identifier: MPL-2.0
//! A tree: a named repository line with a status.

use releng_common::{Error, Result};

use super::Category;
use super::limits::check_length;

/// Longest name in characters (treestatus.md §3).
const NAME_LIMIT: usize = 32;

/// The name of a tree: 1 to 32 characters, case sensitive, no `/`, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeName(String);

impl TreeName {
    /// Checks a name for a new tree.
    ///
    /// # Errors
    /// `InvalidInput` that says which rule is broken.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid("tree name must not be empty"));
        }
        Self::check_length("tree name", text)?;
        if [".", ".."].contains(&text) {
            // Clients take these out of a path before they send it.
            return Err(Error::invalid("tree name must not be . or .."));
        }
        if text.contains('/') || text.chars().any(char::is_control) {
            return Err(Error::invalid(
                "tree name must not contain / or control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Checks that a text is short enough for a name. `what` it is stands in the error.
    ///
    /// # Errors
    /// `InvalidInput` that names the limit.
    pub fn check_length(what: &str, text: &str) -> Result<()> {
        check_length(what, text, NAME_LIMIT)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What pushers may do (D-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everybody may push.
    Open,
    /// Nobody may push.
    Closed,
    /// Pushes need somebody's approval.
    ApprovalRequired,
}

impl Status {
    /// Parses the text of the wire.
    ///
    /// # Errors
    /// `InvalidInput` that lists the three.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            "approval required" => Ok(Self::ApprovalRequired),
            _ => Err(Error::invalid(
                "status must be one of 'open', 'closed', 'approval required'",
            )),
        }
    }

    /// Returns the text of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::ApprovalRequired => "approval required",
        }
    }
}

/// A tree as everybody may see it. The status is a text: rows of older services may hold others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Name.
    pub tree: String,
    /// Status in force.
    pub status: String,
    /// Why it has this status.
    pub reason: String,
    /// Message of the day.
    pub message_of_the_day: String,
    /// Tags of the newest log entry.
    pub tags: Vec<String>,
    /// Id of the newest log entry.
    pub log_id: Option<i32>,
    /// The group that it is shown in.
    pub category: Category,
}

/// A tree to be made.
#[derive(Clone, Debug)]
pub struct NewTree {
    /// Name.
    pub name: TreeName,
    /// Status from the beginning.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// Message of the day.
    pub message_of_the_day: String,
    /// The group that it is shown in; `None`: the one that its name suggests.
    pub category: Option<Category>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_limited_and_hold_no_slash() {
        assert!(TreeName::parse("mozilla-central").is_ok());
        assert!(TreeName::parse("with blank").is_ok());
        assert!(TreeName::parse(&"x".repeat(32)).is_ok());
        for bad in ["", ".", "..", "a/b", "a\nb", "a\0b", &"x".repeat(33)] {
            assert!(TreeName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn exactly_three_statuses_exist() {
        for text in ["open", "closed", "approval required"] {
            assert_eq!(Status::parse(text).unwrap().as_str(), text);
        }
        assert!(Status::parse("approval-required").is_err());
        assert!(Status::parse("Open").is_err());
    }
}
