// SPDX-License-Identifier: MPL-2.0
//! What an administrator may do to a file.

use releng_common::{Error, Result};

use super::Visibility;

/// One operation of a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Says anew who may download the file.
    SetVisibility(Visibility),
    /// Removes the stored copies; the file stays known.
    DeleteInstances,
}

impl Change {
    /// Reads an operation.
    ///
    /// # Errors
    /// `InvalidInput` in the words of the contract.
    pub fn parse(op: Option<&str>, visibility: Option<&str>) -> Result<Self> {
        match op {
            None => Err(Error::invalid("No op.")),
            Some("delete_instances") => Ok(Self::DeleteInstances),
            Some("set_visibility") => visibility
                .and_then(Visibility::parse)
                .map(Self::SetVisibility)
                .ok_or_else(|| Error::invalid("bad visibility level")),
            Some(_) => Err(Error::invalid("Unknown op")),
        }
    }
}
