// SPDX-License-Identifier: MPL-2.0
//! Who is calling, and what may they do: Hawk credentials verified by a local file or by
//! Taskcluster (platform.md §1 to §3).

mod caller;
pub mod clients_file;
pub mod csrf;
mod hawk_request;
pub mod oidc;
mod scopes;
pub mod session;
mod taskcluster;

pub use caller::Caller;
pub use clients_file::ClientsFile;
pub use hawk_request::HawkRequest;
pub use scopes::Scopes;
pub use taskcluster::Taskcluster;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Common, Invalid};
use crate::error::Result;

/// What a verifier says about the credentials of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The credentials hold.
    Success(Caller),
    /// There are credentials and they do not hold; the text says why.
    Failed(String),
    /// There are none.
    NoCredentials,
}

/// Verifies Hawk credentials: first against `AUTH_CLIENTS_FILE`, then against Taskcluster.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    file: Option<Arc<ClientsFile>>,
    taskcluster: Option<Arc<Taskcluster>>,
}

impl Authenticator {
    /// Builds the verifier that the settings describe; without any, everybody is anonymous.
    ///
    /// # Errors
    /// The clients file cannot be read or a setting is malformed.
    pub fn open(settings: &Common, clock: Clock) -> Result<Self, Invalid> {
        let file = match &settings.auth_clients_file {
            Some(path) => Some(Arc::new(ClientsFile::read(path, clock)?)),
            None => None,
        };
        let taskcluster = match &settings.taskcluster_root_url {
            Some(root) => {
                if settings.taskcluster_timeout_secs == 0 {
                    let problem = "must be at least 1";
                    return Err(Invalid::new("TASKCLUSTER_TIMEOUT_SECONDS", problem));
                }
                let timeout = Duration::from_secs(settings.taskcluster_timeout_secs);
                Some(Arc::new(Taskcluster::new(root, timeout)?))
            }
            None => None,
        };
        Ok(Self { file, taskcluster })
    }

    /// Asks who signed the request.
    ///
    /// # Errors
    /// `Unavailable` when Taskcluster had to be asked and does not answer (D-5).
    pub async fn verify(&self, request: &HawkRequest) -> Result<Verdict> {
        if !request.has_credentials() {
            return Ok(Verdict::NoCredentials);
        }
        if let Some(file) = &self.file
            && let Some(verdict) = file.verify(request)
        {
            return Ok(verdict);
        }
        match &self.taskcluster {
            Some(taskcluster) => taskcluster.verify(request).await,
            None => Ok(Verdict::Failed("no such client".to_owned())),
        }
    }

    /// Returns whether Taskcluster is asked: only then there is something to check.
    pub fn asks_taskcluster(&self) -> bool {
        self.taskcluster.is_some()
    }

    /// Checks that the auth service answers; without one there is nothing to check.
    ///
    /// # Errors
    /// `Unavailable` when `ping` fails.
    pub async fn check(&self) -> Result<()> {
        match &self.taskcluster {
            Some(taskcluster) => taskcluster.ping().await,
            None => Ok(()),
        }
    }
}
