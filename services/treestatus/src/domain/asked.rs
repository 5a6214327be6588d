// SPDX-License-Identifier: MPL-2.0
//! A change that somebody asks for, and what becomes of it.

use std::collections::BTreeMap;

use super::{StatusChange, Tree, Update};

/// An update with what it depends on.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Author.
    pub who: String,
    /// What changes.
    pub update: Update,
    /// Where nothing may have happened since.
    pub condition: Condition,
}

/// For each tree that must not have changed the newest log entry that was seen, 0 for none.
pub type Condition = BTreeMap<String, i64>;

/// Returns those of some trees that have changed since what a condition knows of them.
pub fn outdated<'a>(trees: impl IntoIterator<Item = &'a Tree>, condition: &Condition) -> Vec<Tree> {
    let is_outdated = |tree: &&Tree| {
        let newest = i64::from(tree.log_id.unwrap_or(0));
        let seen = condition.get(&tree.tree);
        seen.is_some_and(|seen| *seen != newest)
    };
    trees.into_iter().filter(is_outdated).cloned().collect()
}

/// What became of a change with a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; these statuses changed.
    Done(Vec<StatusChange>),
    /// Nothing was done, because these trees have changed; this is their state now.
    Outdated(Vec<Tree>),
}
