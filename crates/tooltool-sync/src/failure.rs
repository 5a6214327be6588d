// SPDX-License-Identifier: MPL-2.0
//! What is remembered of a package that could not be published, so that nobody gets the same mail
//! twice and nothing is hashed again for nothing.

use serde::{Deserialize, Serialize};

use crate::{
    mail::Mail,
    package::{Package, Snapshot},
};

/// A package that could not be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The package.
    pub package: Package,
    /// Whose fault it is.
    pub fault: Fault,
    /// What is wrong.
    pub reason: String,
    /// [`Snapshot::state`] of the package.
    pub state: String,
    /// [`Snapshot::exact`] of the package.
    pub exact: String,
    /// A mail that is not in the spool yet.
    pub mail: Option<Mail>,
    /// What is still to be deleted.
    pub delete: Option<Snapshot>,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The package is wrong: it is looked at again when it changes.
    Package,
    /// Something here is wrong: it is tried again in every run.
    Here,
}

impl Failure {
    /// Tells whether a mail about this has been written before.
    pub fn is_known(&self, before: &Self) -> bool {
        // What is wrong here may be worded differently each time: "refused", "timed out".
        let is_same_reason = self.fault == Fault::Here || self.reason == before.reason;
        self.fault == before.fault && self.state == before.state && is_same_reason
    }

    /// Tells whether there is no use in looking at the package again.
    pub fn still_holds(&self, snapshot: &Snapshot) -> bool {
        self.fault == Fault::Package && self.exact == snapshot.exact()
    }
}
