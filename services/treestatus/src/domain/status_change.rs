// SPDX-License-Identifier: MPL-2.0
//! A change of a tree's status, as others are told of it.

use serde::{Deserialize, Serialize};

use super::Tree;

/// A status that really changed. Its JSON is the payload of a message on Pulse (treestatus.md §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// Status before.
    pub status_from: String,
    /// Status after.
    pub status_to: String,
    /// Tags of the change.
    pub tags: Vec<String>,
    /// The tree after the change.
    pub tree: ToldTree,
    /// Its log entry, which is not part of the payload.
    #[serde(skip)]
    pub log_id: Option<i32>,
}

/// A tree as the messages show it: the four members that every generation has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldTree {
    /// Name.
    pub tree: String,
    /// Status.
    pub status: String,
    /// Reason.
    pub reason: String,
    /// Message of the day.
    pub message_of_the_day: String,
}

impl StatusChange {
    /// Returns what became of a tree; `None` when its status is the same.
    pub fn between(before: &Tree, after: &Tree) -> Option<Self> {
        (before.status != after.status).then(|| Self {
            status_from: before.status.clone(),
            status_to: after.status.clone(),
            tags: after.tags.clone(),
            tree: ToldTree {
                tree: after.tree.clone(),
                status: after.status.clone(),
                reason: after.reason.clone(),
                message_of_the_day: after.message_of_the_day.clone(),
            },
            log_id: after.log_id,
        })
    }

    /// Returns what tells its message from all others: tree and log entry, which the API shows too.
    pub fn message_id(&self) -> String {
        format!("{}:{}", self.tree.tree, self.log_id.unwrap_or_default())
    }
}
