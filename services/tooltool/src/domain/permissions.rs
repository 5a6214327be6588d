// SPDX-License-Identifier: MPL-2.0
//! The scopes of the service (tooltool.md §4.1).

use releng_common::auth::Caller;
use releng_common::http::problem;
use releng_common::{Error, Result};

use super::Visibility;

/// What every scope begins with.
const PREFIX: &str = "project:releng:services/tooltool/api/";

/// One permission with its sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    name: &'static str,
    /// What it allows.
    pub doc: &'static str,
}

impl Permission {
    /// Returns the scope.
    pub fn scope(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

/// All permissions, and who has them.
#[derive(Clone, Copy, Debug)]
pub struct Permissions;

impl Permissions {
    /// Every permission, by name.
    pub const ALL: [Permission; 5] = [
        Permission {
            name: "download/internal",
            doc: "Download INTERNAL files from tooltool",
        },
        Permission {
            name: "download/public",
            doc: "Download PUBLIC files from tooltool",
        },
        Permission {
            name: "manage",
            doc: "Manage tooltool files, including deleting and changing visibility levels",
        },
        Permission {
            name: "upload/internal",
            doc: "Upload INTERNAL files to tooltool",
        },
        Permission {
            name: "upload/public",
            doc: "Upload PUBLIC files to tooltool",
        },
    ];

    /// Returns the scope that RelengAPI called `tooltool.upload.public`; `None` for names of others.
    pub fn scope_of_old_name(self, name: &str) -> Option<String> {
        let name = name.strip_prefix("tooltool.")?.replace('.', "/");
        let known = Self::ALL.iter().find(|permission| permission.name == name);
        known.map(Permission::scope)
    }

    /// Demands the right to download; who has it not is 403, whoever they are.
    ///
    /// # Errors
    /// `Forbidden` with the default sentence.
    pub fn require_download(self, caller: &Caller, visibility: Visibility) -> Result<()> {
        let scope = format!("{PREFIX}download/{}", visibility.as_str());
        if caller.scopes().satisfy(&scope) {
            return Ok(());
        }
        Err(Error::forbidden(problem::FORBIDDEN))
    }

    /// Demands the right to upload and returns the client id.
    ///
    /// # Errors
    /// `Forbidden` that names the visibility.
    pub fn require_upload(self, caller: &Caller, visibility: Visibility) -> Result<&str> {
        let scope = format!("{PREFIX}upload/{}", visibility.as_str());
        match caller.client_id() {
            Some(client_id) if caller.scopes().satisfy(&scope) => Ok(client_id),
            _ => Err(Error::forbidden(format!(
                "no permission to upload {} files",
                visibility.as_str()
            ))),
        }
    }

    /// Demands the right to manage files and returns the client id.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn require_manage(self, caller: &Caller) -> Result<&str> {
        caller.require_any(&[format!("{PREFIX}manage")])
    }
}
