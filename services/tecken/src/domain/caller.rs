// SPDX-License-Identifier: MPL-2.0
//! People and what they may do (tecken.md §6).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDateTime;
use sha1::{Digest as _, Sha1};

/// Something that a group or a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Upload regular symbols.
    UploadSymbols,
    /// Upload try symbols.
    UploadTrySymbols,
    /// See everybody's uploads.
    ViewAllUploads,
    /// Manage one's own tokens.
    ManageTokens,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::UploadSymbols,
        Self::UploadTrySymbols,
        Self::ViewAllUploads,
        Self::ManageTokens,
    ];

    /// Returns the name that the API uses.
    pub fn codename(self) -> &'static str {
        match self {
            Self::UploadSymbols => "upload.upload_symbols",
            Self::UploadTrySymbols => "upload.upload_try_symbols",
            Self::ViewAllUploads => "upload.view_all_uploads",
            Self::ManageTokens => "tokens.manage_tokens",
        }
    }

    /// Returns the name as the table has it, without the part before the dot.
    pub fn stored(self) -> &'static str {
        self.codename().split_once('.').map_or("", |(_, name)| name)
    }

    /// Returns the name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::UploadSymbols => "Upload Symbols Files",
            Self::UploadTrySymbols => "Upload Try Symbols Files",
            Self::ViewAllUploads => "View All Symbols Uploads",
            Self::ManageTokens => "Manage Your API Tokens",
        }
    }

    /// Finds a permission by its name, with or without the part before the dot.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.codename() == name || p.stored() == name)
    }
}

/// Why a user is inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// The provider said so; signing in lifts it.
    Blocked,
    /// An administrator said so.
    Administrator,
}

impl Inactive {
    /// Returns the word in the table.
    pub fn stored(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Administrator => "administrator",
        }
    }
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: i32,
    /// E-mail address.
    pub email: String,
    /// Whether everything is allowed.
    pub is_superuser: bool,
    /// Whether anything is allowed.
    pub is_active: bool,
    /// Why not.
    pub inactive: Option<Inactive>,
    /// When the user signed in last.
    pub last_login: Option<NaiveDateTime>,
}

/// Somebody who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// What this request may do: the user's permissions, or the part of them that the token holds.
    pub permissions: BTreeSet<Permission>,
    /// What the user may do.
    pub own_permissions: BTreeSet<Permission>,
    /// The session, when there is no token.
    pub session: Option<String>,
}

impl Caller {
    /// Returns whether the request may do something.
    pub fn has(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// Returns the user name that belongs to an address, as existing rows have it.
pub fn username(email: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha1::digest(email))
}

/// Checks the form of an address.
///
/// # Errors
/// The sentence for the operator.
pub fn check_email(email: &str) -> Result<(), String> {
    let is_fine = email.split('@').count() == 2
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.len() <= 254
        && !email.starts_with('@')
        && !email.ends_with('@');
    if is_fine {
        Ok(())
    } else {
        Err(format!("Invalid email '{email}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_found_by_both_names() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.codename()), Some(permission));
            assert_eq!(Permission::parse(permission.stored()), Some(permission));
        }
        assert_eq!(Permission::parse("upload"), None);
    }

    #[test]
    fn an_address_has_one_at_sign_and_no_blank() {
        assert_eq!(check_email("demo@example.com"), Ok(()));
        for email in ["demo", "a@b@c", "a b@c", "@x", "x@", ""] {
            assert_eq!(check_email(email), Err(format!("Invalid email '{email}'")));
        }
    }

    #[test]
    fn user_names_are_those_of_existing_rows() {
        assert_eq!(username("demo@example.com").len(), 27);
        assert!(!username("demo@example.com").contains('='));
    }
}
