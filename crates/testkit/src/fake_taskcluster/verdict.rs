// SPDX-License-Identifier: MPL-2.0
//! The answer to a question: who signed the request, and what that client may do.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hawk::{Key, RequestBuilder, SHA256};
use serde_json::{Value, json};

use super::attributes::{parse_bewit, parse_header};
use super::question::Question;
use super::restriction::signer;
use super::scope_set::expand;
use super::state::State;

/// How far the clock of a client may be off.
const SKEW: Duration = Duration::from_secs(15 * 60);
/// More than any clock is off: for telling a wrong time from a wrong signature.
const ANY_SKEW: Duration = Duration::from_secs(u64::MAX);

/// What the auth service says.
#[derive(Debug)]
pub(super) enum Verdict {
    Success {
        client_id: String,
        scopes: Vec<String>,
        expires: DateTime<Utc>,
        hash: Option<String>,
    },
    Failed(String),
    NoAuth {
        scopes: Vec<String>,
        expires: DateTime<Utc>,
    },
}

impl Verdict {
    /// Returns the body of the answer.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Success {
                client_id,
                scopes,
                expires,
                hash,
            } => {
                let mut body = json!({
                    "status": "auth-success",
                    "scheme": "hawk",
                    "clientId": client_id,
                    "scopes": scopes,
                    "expires": rfc3339(*expires),
                });
                if let (Some(members), Some(hash)) = (body.as_object_mut(), hash) {
                    members.insert("hash".to_owned(), json!(hash));
                }
                body
            }
            Self::Failed(message) => json!({"status": "auth-failed", "message": message}),
            Self::NoAuth { scopes, expires } => json!({
                "status": "no-auth",
                "scheme": "none",
                "scopes": scopes,
                "expires": rfc3339(*expires),
            }),
        }
    }
}

/// Writes a time as the real service does.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Answers a question.
pub(super) fn authenticate(state: &State, question: &Question) -> Verdict {
    let header = question
        .authorization
        .as_deref()
        .filter(|header| !header.is_empty());
    let verdict = if let Some(header) = header {
        by_header(state, question, header)
    } else if let Some((bewit, resource)) = split_bewit(&question.resource) {
        by_bewit(state, question, bewit, &resource)
    } else {
        Ok(Verdict::NoAuth {
            scopes: expand(&["assume:anonymous".to_owned()], &state.roles),
            expires: state.now() + chrono::Duration::minutes(15),
        })
    };
    verdict.unwrap_or_else(Verdict::Failed)
}

fn by_header(state: &State, question: &Question, header: &str) -> Result<Verdict, String> {
    let header = parse_header(header)?;
    let client_id = header.id.clone().unwrap_or_default();
    let signer = signer(state, &client_id, header.ext.as_deref())?;
    let key = key(&signer.key)?;
    let method = question.method.to_ascii_uppercase();
    let request =
        RequestBuilder::new(&method, &question.host, question.port, &question.resource).request();
    if !request.validate_header(&header, &key, ANY_SKEW) {
        return Err("Unauthorized: Bad mac".to_owned());
    }
    if !request.validate_header(&header, &key, SKEW) {
        return Err("Unauthorized: Stale timestamp".to_owned());
    }
    Ok(Verdict::Success {
        client_id,
        scopes: signer.scopes,
        expires: signer.expires,
        hash: header.hash.map(|hash| STANDARD.encode(hash)),
    })
}

fn by_bewit(
    state: &State,
    question: &Question,
    bewit: &str,
    resource: &str,
) -> Result<Verdict, String> {
    if !matches!(question.method.as_str(), "get" | "head") {
        return Err("Unauthorized: Invalid method".to_owned());
    }
    let bewit = parse_bewit(bewit)?;
    if bewit.exp() <= SystemTime::now() {
        return Err("Unauthorized: Access expired".to_owned());
    }
    let signer = signer(state, bewit.id(), bewit.ext())?;
    let request = RequestBuilder::new("GET", &question.host, question.port, resource).request();
    if !request.validate_bewit(&bewit, &key(&signer.key)?) {
        return Err("Unauthorized: Bad mac".to_owned());
    }
    Ok(Verdict::Success {
        client_id: bewit.id().to_owned(),
        scopes: signer.scopes,
        expires: signer.expires,
        hash: None,
    })
}

fn key(access_token: &str) -> Result<Key, String> {
    Key::new(access_token.as_bytes(), SHA256).map_err(|error| error.to_string())
}

/// Splits the first bewit off a resource and returns it with what it signs.
fn split_bewit(resource: &str) -> Option<(&str, String)> {
    let (path, query) = resource.split_once('?')?;
    let mut pairs: Vec<&str> = query.split('&').collect();
    let at = pairs.iter().position(|pair| pair.starts_with("bewit="))?;
    let bewit = pairs.remove(at).strip_prefix("bewit=")?;
    let query = if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    };
    Some((bewit, format!("{path}{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bewit_signs_the_resource_without_itself() {
        assert_eq!(split_bewit("/a?bewit=x"), Some(("x", "/a".to_owned())));
        assert_eq!(
            split_bewit("/a?b=1&bewit=x&c"),
            Some(("x", "/a?b=1&c".to_owned()))
        );
        assert_eq!(split_bewit("/a?bewit="), Some(("", "/a".to_owned())));
        assert_eq!(split_bewit("/a?notbewit=x"), None);
        assert_eq!(split_bewit("/bewit=x"), None);
    }
}
