// SPDX-License-Identifier: MPL-2.0
//! What a change of a status means for Statuspage (treestatus.md §8).

use std::collections::BTreeSet;

use super::{Status, StatusChange};

/// What Statuspage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// The tree closed for a reason that belongs on the page.
    Begins,
    /// The tree is not closed any more.
    Ends,
    /// It is one or the other, and it has too many tags to tell which kind.
    Ambiguous,
}

impl Incident {
    /// Judges a change of a tree that has a component. `None`: not a matter for the page.
    pub fn of(change: &StatusChange, tags: &BTreeSet<String>) -> Option<Self> {
        let closed = Status::Closed.as_str();
        let begins = [Status::Open, Status::ApprovalRequired]
            .iter()
            .any(|status| status.as_str() == change.status_from)
            && change.status_to == closed;
        let ends = change.status_from == closed;
        match change.tags.as_slice() {
            _ if !begins && !ends => None,
            [_, _, ..] => Some(Self::Ambiguous),
            _ if ends => Some(Self::Ends),
            [tag] if tags.contains(tag) => Some(Self::Begins),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToldTree;

    fn judge(from: &str, to: &str, tags: &[&str]) -> Option<Incident> {
        let change = StatusChange {
            status_from: from.to_owned(),
            status_to: to.to_owned(),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            tree: ToldTree {
                tree: "demo".to_owned(),
                status: to.to_owned(),
                reason: String::new(),
                message_of_the_day: String::new(),
            },
            log_id: None,
        };
        Incident::of(&change, &BTreeSet::from(["infra".to_owned()]))
    }

    #[test]
    fn closing_with_a_known_tag_begins_an_incident() {
        for from in ["open", "approval required"] {
            assert_eq!(judge(from, "closed", &["infra"]), Some(Incident::Begins));
            assert_eq!(judge(from, "closed", &["other"]), None);
            assert_eq!(judge(from, "closed", &[]), None);
        }
        assert_eq!(judge("no change", "closed", &["infra"]), None);
    }

    #[test]
    fn any_way_out_of_closed_ends_it_whatever_the_tag() {
        for to in ["open", "approval required"] {
            for tags in [&[][..], &["infra"], &["other"]] {
                assert_eq!(judge("closed", to, tags), Some(Incident::Ends));
            }
        }
    }

    #[test]
    fn two_tags_are_too_many() {
        let two = ["infra", "other"];
        assert_eq!(judge("open", "closed", &two), Some(Incident::Ambiguous));
        assert_eq!(judge("closed", "open", &two), Some(Incident::Ambiguous));
        assert_eq!(judge("open", "approval required", &two), None);
        assert_eq!(judge("open", "approval required", &["infra"]), None);
    }
}
