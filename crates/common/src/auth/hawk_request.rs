// SPDX-License-Identifier: MPL-2.0
//! The parts of a request that a Hawk signature covers, exactly as they came over the wire.

/// One question to a verifier (platform.md §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HawkRequest {
    /// Method in lower case.
    pub method: String,
    /// Path and query string as received: not decoded, not normalised.
    pub resource: String,
    /// Host name or address without port (and without brackets).
    pub host: String,
    /// Port that the client used.
    pub port: u16,
    /// The `Authorization` header (or `Authentication`), verbatim, when it begins with `Hawk`.
    pub authorization: Option<String>,
    /// Address of the client, for the audit log of the auth service.
    pub source_ip: Option<String>,
}

impl HawkRequest {
    /// Returns whether there is a Hawk header or, on reads, a bewit in the query.
    pub fn has_credentials(&self) -> bool {
        self.authorization.is_some() || self.bewit().is_some()
    }

    /// Returns the bewit of a signed URL; only reads may use one.
    pub fn bewit(&self) -> Option<&str> {
        if self.authorization.is_some() || !matches!(self.method.as_str(), "get" | "head") {
            return None;
        }
        let (_, query) = self.resource.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("bewit="))
            .filter(|b| !b.is_empty())
    }
}
