// SPDX-License-Identifier: MPL-2.0
//! The demo accounts. Everybody knows their keys: they exist on loopback only.

/// A Hawk client of the stand-in Taskcluster.
pub struct Client {
    /// Client id.
    pub id: &'static str,
    /// Access token.
    pub token: &'static str,
    /// What it may do, for the banner.
    pub about: &'static str,
    /// Scopes.
    pub scopes: &'static [&'static str],
}

/// May do everything; loads the demo data.
pub const ADMIN: Client = Client {
    id: "demo/admin",
    token: "demo-admin-token",
    about: "everything",
    scopes: &[
        "project:releng:services/tooltool/api/*",
        "project:releng:services/treestatus/*",
    ],
};

/// All demo clients.
pub const CLIENTS: [Client; 3] = [
    ADMIN,
    Client {
        id: "demo/sheriff",
        token: "demo-sheriff-token",
        about: "close and open trees, undo",
        scopes: &[
            "project:releng:services/treestatus/trees/update",
            "project:releng:services/treestatus/recent_changes/revert",
        ],
    },
    Client {
        id: "demo/build-engineer",
        token: "demo-build-engineer-token",
        about: "upload and download build inputs",
        scopes: &[
            "project:releng:services/tooltool/api/upload/*",
            "project:releng:services/tooltool/api/download/*",
        ],
    },
];

/// Signs in to tecken as a superuser.
pub const TECKEN_ADMIN: &str = "demo-admin@example.org";
/// Signs in to tecken with the right to upload.
pub const TECKEN_UPLOADER: &str = "demo-uploader@example.org";
/// What tecken calls itself towards the stand-in OpenID provider.
pub const OIDC_CLIENT_ID: &str = "demo-tecken";
/// The secret that goes with it.
pub const OIDC_CLIENT_SECRET: &str = "demo-tecken-secret";
