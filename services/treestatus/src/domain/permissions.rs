// SPDX-License-Identifier: MPL-2.0
//! Which scopes allow which change (treestatus.md §2, D-17).

/// The accepted scopes of each permission: one per prefix, any satisfies.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// Change status, reason, tags and message of the day.
    pub update: Vec<String>,
    /// Make trees.
    pub create: Vec<String>,
    /// Delete trees.
    pub delete: Vec<String>,
    /// Restore and discard recent changes.
    pub revert: Vec<String>,
}

impl Permissions {
    /// Builds the scopes from the configured prefixes.
    pub fn new(prefixes: &[String]) -> Self {
        let with = |name: &str| prefixes.iter().map(|p| format!("{p}{name}")).collect();
        Self {
            update: with("trees/update"),
            create: with("trees/create"),
            delete: with("trees/delete"),
            revert: with("recent_changes/revert"),
        }
    }
}
