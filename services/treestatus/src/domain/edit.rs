// SPDX-License-Identifier: MPL-2.0
//! A correction of what was said about a change: its reason and its tags, never its status, author or
//! time (treestatus.md §6).

use releng_common::Result;

use super::{NO_CHANGE, check_reason};

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

    /// Returns the correction of words whose reason is `present`. Clients send back all fields of their
    /// forms: the placeholder where it stands already means that the reason is kept. Anywhere else it
    /// would take away what was said.
    ///
    /// # Errors
    /// `InvalidInput` for the placeholder in the place of a reason.
    pub fn against(mut self, present: &str) -> Result<Self> {
        if present == NO_CHANGE && self.reason.as_deref() == Some(NO_CHANGE) {
            self.reason = None;
        }
        self.reason.as_deref().map_or(Ok(()), check_reason)?;
        Ok(self)
    }
}
