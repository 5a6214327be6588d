// SPDX-License-Identifier: MPL-2.0
//! The one who sent a request, as far as the service knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Scopes;
use crate::error::{Error, Kind, Result};

/// An anonymous caller or a Taskcluster client with its scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    client_id: Option<String>,
    scopes: Scopes,
    payload_hash: Option<String>,
}

impl Caller {
    /// Returns the caller without credentials: no name, no scope.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Returns a verified client. `payload_hash` is the `hash` of the verdict, if it had one.
    pub fn client(client_id: String, scopes: Scopes, payload_hash: Option<String>) -> Self {
        Self {
            client_id: Some(client_id),
            scopes,
            payload_hash,
        }
    }

    /// Returns the client id, for logs and records; never decide by it.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Returns the scopes; an anonymous caller has none.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns whether any of the scopes is held.
    pub fn has_any(&self, scopes: &[String]) -> bool {
        scopes.iter().any(|scope| self.scopes.satisfy(scope))
    }

    /// Demands one of the scopes and returns the client id.
    ///
    /// # Errors
    /// `Unauthenticated` with the text that all services use. The log names what was missing.
    pub fn require_any(&self, scopes: &[String]) -> Result<&str> {
        match self.client_id() {
            Some(client_id) if self.has_any(scopes) => Ok(client_id),
            client_id => {
                tracing::warn!(
                    client.id = client_id.unwrap_or_default(),
                    scopes.missing = scopes.join(" or "),
                    "permission refused"
                );
                Err(Error::new(
                    Kind::Unauthenticated,
                    "Invalid user permissions",
                ))
            }
        }
    }

    /// Returns whether the caller signed a hash of the body.
    pub fn has_payload_hash(&self) -> bool {
        self.payload_hash.is_some()
    }

    /// Checks the body against the payload hash that the client signed, when it signed one (D-7).
    ///
    /// # Errors
    /// `Unauthenticated` when the body is another one than the client hashed.
    pub fn check_payload(&self, content_type: &str, body: &[u8]) -> Result<()> {
        match &self.payload_hash {
            Some(signed) if *signed != payload_hash(content_type, body) => Err(Error::new(
                Kind::Unauthenticated,
                "Invalid user permissions",
            )
            .with_source("the payload hash does not match the body")),
            Some(_) | None => Ok(()),
        }
    }
}

/// Returns the Hawk payload hash of a body: SHA-256 over media type (without parameters, lower case)
/// and bytes, base64.
fn payload_hash(content_type: &str, body: &[u8]) -> String {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut hash = Sha256::new();
    hash.update(format!("hawk.1.payload\n{media_type}\n"));
    hash.update(body);
    hash.update("\n");
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Hawk documentation.
    const HASH: &str = "Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=";

    #[test]
    fn a_body_other_than_the_signed_one_is_refused() {
        let caller = Caller::client("c".to_owned(), Scopes::default(), Some(HASH.to_owned()));
        let body = b"Thank you for flying Hawk";
        assert!(
            caller
                .check_payload("text/plain; charset=utf-8", body)
                .is_ok()
        );
        assert!(caller.check_payload("application/json", body).is_err());
        assert!(
            caller
                .check_payload("text/plain", b"something else")
                .is_err()
        );
    }

    #[test]
    fn an_unsigned_body_is_taken_as_it_is() {
        assert!(
            Caller::anonymous()
                .check_payload("text/plain", b"x")
                .is_ok()
        );
    }
}
