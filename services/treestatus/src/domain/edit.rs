// SPDX-License-Identifier: MPL-2.0
//! A correction of what was said about a change: its reason and its tags, never its status, author or
//! time (treestatus.md §6).

/// What to put in the place of the old words. An empty text and an empty list are values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// New reason; absent: kept.
    pub reason: Option<String>,
    /// New tags; absent: kept.
    pub tags: Option<Vec<String>>,
}

impl Edit {
    /// Returns whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.reason.is_none() && self.tags.is_none()
    }
}
