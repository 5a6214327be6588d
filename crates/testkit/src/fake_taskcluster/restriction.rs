// SPDX-License-Identifier: MPL-2.0
//! What `ext` does to a client: certificates of temporary credentials and restricted scopes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use hawk::mac::Mac;
use serde_json::{Map, Value};

use super::scope_set::{expand, is_scope, satisfies};
use super::state::State;
use crate::hawk_client::{certificate_text, hmac};

/// Longest life of temporary credentials.
const MAX_LIFETIME_MS: i64 = 31 * 24 * 60 * 60 * 1000;
/// How far the clock of an issuer may be off.
const SKEW_MS: i64 = 5 * 60 * 1000;

/// What the auth service knows about the signer of one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) key: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires: DateTime<Utc>,
}

/// Finds the signer of a request by its client id and its `ext`.
///
/// # Errors
/// Why these credentials are worth nothing.
pub(super) fn signer(state: &State, client_id: &str, ext: Option<&str>) -> Result<Signer, String> {
    let ext = ext.map(parse).transpose()?.unwrap_or_default();
    let certificate = match ext.get("certificate") {
        None | Some(Value::Null) => None,
        Some(Value::Object(certificate)) => Some(certificate),
        Some(_) => return Err("ext.certificate must be a JSON object".to_owned()),
    };
    let issuer = issuer(certificate, client_id)?;
    let mut signer = load(state, issuer)?;
    if let Some(certificate) = certificate {
        signer = temporary(signer, certificate, client_id, issuer, state.now())?;
    }
    if let Some(scopes) = ext
        .get("authorizedScopes")
        .filter(|scopes| !scopes.is_null())
    {
        let scopes = scope_list(scopes, "ext.authorizedScopes")?;
        if !satisfies(&with_anonymous(&signer.scopes, state), &scopes) {
            return Err("the credentials do not satisfy ext.authorizedScopes".to_owned());
        }
        signer.scopes = scopes;
    }
    signer.scopes = with_anonymous(&signer.scopes, state);
    Ok(signer)
}

/// Everybody has the role `anonymous`, whatever `ext` leaves of the rest.
fn with_anonymous(scopes: &[String], state: &State) -> Vec<String> {
    let mut scopes = scopes.to_vec();
    scopes.push("assume:anonymous".to_owned());
    expand(&scopes, &state.roles)
}

fn parse(ext: &str) -> Result<Map<String, Value>, String> {
    let decoded = STANDARD.decode(ext).ok();
    decoded
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| "Failed to parse ext".to_owned())
}

fn issuer<'a>(
    certificate: Option<&'a Map<String, Value>>,
    client_id: &'a str,
) -> Result<&'a str, String> {
    match certificate.and_then(|certificate| certificate.get("issuer")) {
        None | Some(Value::Null) => Ok(client_id),
        Some(Value::String(issuer)) if issuer == client_id => {
            Err("ext.certificate.issuer must differ from the supplied clientId".to_owned())
        }
        Some(Value::String(issuer)) => Ok(issuer),
        Some(_) => Err("ext.certificate.issuer must be a string".to_owned()),
    }
}

fn load(state: &State, client_id: &str) -> Result<Signer, String> {
    let client = state
        .client(client_id)
        .ok_or_else(|| format!("Client with clientId '{client_id}' not found"))?;
    if client.is_disabled {
        return Err(format!("Client with clientId '{client_id}' is disabled"));
    }
    if client.expires <= state.now() {
        return Err(format!("Client with clientId '{client_id}' has expired"));
    }
    let mut scopes = client.scopes;
    scopes.push(format!("assume:client-id:{client_id}"));
    Ok(Signer {
        key: client.access_token,
        scopes: expand(&scopes, &state.roles),
        expires: client.expires,
    })
}

/// A certificate whose members have the right types.
struct Certificate<'a> {
    members: &'a Map<String, Value>,
    seed: &'a str,
    start: i64,
    expiry: i64,
    scopes: Vec<String>,
}

fn wrong(member: &str, rule: &str) -> String {
    format!("ext.certificate.{member} {rule}")
}

impl<'a> Certificate<'a> {
    fn read(members: &'a Map<String, Value>) -> Result<Self, String> {
        let member = |name: &str| members.get(name).unwrap_or(&Value::Null);
        if member("version").as_i64() != Some(1) {
            return Err(wrong("version", "must be 1"));
        }
        let seed = member("seed")
            .as_str()
            .ok_or_else(|| wrong("seed", "must be a string"))?;
        if seed.len() != 44 {
            return Err(wrong("seed", "must be 44 characters"));
        }
        let time = |name: &str| {
            member(name)
                .as_i64()
                .ok_or_else(|| wrong(name, "must be an integer"))
        };
        let (start, expiry) = (time("start")?, time("expiry")?);
        let scopes = scope_list(member("scopes"), "ext.certificate.scopes")?;
        Ok(Self {
            members,
            seed,
            start,
            expiry,
            scopes,
        })
    }

    /// Checks that the issuer may give what the certificate says to a client of that name.
    fn check_grant(&self, issuer: &Signer, client_id: &str, issuer_id: &str) -> Result<(), String> {
        let needed = format!("auth:create-client:{client_id}");
        if client_id == issuer_id {
            if self.members.contains_key("clientId") {
                return Err(wrong(
                    "clientId",
                    "must only be used with ext.certificate.issuer",
                ));
            }
        } else if !satisfies(&issuer.scopes, std::slice::from_ref(&needed)) {
            return Err(wrong(
                "issuer",
                &format!("`{issuer_id}` does not have `{needed}`"),
            ));
        }
        if !satisfies(&issuer.scopes, &self.scopes) {
            return Err(wrong(
                "scopes",
                &format!("are more than the issuer `{issuer_id}` has"),
            ));
        }
        Ok(())
    }

    fn check_signature(&self, key: &str, client_id: &str, issuer_id: &str) -> Result<(), String> {
        let named = (client_id != issuer_id).then_some((client_id, issuer_id));
        let text = certificate_text(named, self.seed, self.start, self.expiry, &self.scopes);
        let expected = hmac(key, &text).map_err(|error| error.to_string())?;
        let signature = self.members.get("signature").and_then(Value::as_str);
        let signature = signature.and_then(|text| STANDARD.decode(text).ok());
        if signature.map(Mac::from) == Some(Mac::from(expected)) {
            Ok(())
        } else {
            Err(wrong(
                "signature",
                "is not valid, or wrong clientId provided",
            ))
        }
    }
}

/// Turns the issuer of a certificate into the holder of the temporary credentials.
fn temporary(
    issuer: Signer,
    members: &Map<String, Value>,
    client_id: &str,
    issuer_id: &str,
    now: DateTime<Utc>,
) -> Result<Signer, String> {
    let certificate = Certificate::read(members)?;
    check_times(certificate.start, certificate.expiry, now)?;
    certificate.check_grant(&issuer, client_id, issuer_id)?;
    certificate.check_signature(&issuer.key, client_id, issuer_id)?;
    let key = hmac(&issuer.key, certificate.seed).map_err(|error| error.to_string())?;
    let end = DateTime::from_timestamp_millis(certificate.expiry).unwrap_or(issuer.expires);
    Ok(Signer {
        key: URL_SAFE_NO_PAD.encode(key),
        scopes: certificate.scopes,
        expires: issuer.expires.min(end),
    })
}

fn check_times(start: i64, expiry: i64, now: DateTime<Utc>) -> Result<(), String> {
    let (Some(begin), Some(end)) = (
        DateTime::from_timestamp_millis(start),
        DateTime::from_timestamp_millis(expiry),
    ) else {
        return Err("ext.certificate.start and expiry must be times in milliseconds".to_owned());
    };
    let skew = Duration::milliseconds(SKEW_MS);
    if begin > now + skew {
        return Err("ext.certificate.start > now".to_owned());
    }
    if end < now - skew {
        return Err("ext.certificate.expiry < now".to_owned());
    }
    if end - begin > Duration::milliseconds(MAX_LIFETIME_MS) {
        return Err("ext.certificate cannot last longer than 31 days!".to_owned());
    }
    Ok(())
}

fn scope_list(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("{name} must be an array"))?;
    list.iter()
        .map(|scope| {
            scope
                .as_str()
                .filter(|scope| is_scope(scope))
                .map(str::to_owned)
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{name} must be an array of valid scopes"))
}

#[cfg(test)]
mod tests;
