// SPDX-License-Identifier: MPL-2.0
//! Signing in at the OpenID provider, and out (tecken.md §7.3).

use chrono::Duration;
use releng_common::auth::session::random_id;
use releng_common::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::admin::found;
use crate::domain::{Inactive, check_email};
use crate::{State, repo};

/// Seconds that a person has at the provider.
const PENDING_SECS: i64 = 900;
/// Longest local path that is returned to.
const MAX_NEXT_BYTES: usize = 500;

/// What a session row holds: a sign-in under way or a person.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Content {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Pending {
    state: String,
    nonce: String,
    next: Option<String>,
}

/// Returns whose session a row is.
pub(super) fn user_of(data: &str) -> Option<i32> {
    serde_json::from_str::<Content>(data).ok()?.user_id
}

/// A sign-in that began or ended.
#[derive(Debug)]
pub struct SignIn {
    /// The session for the browser.
    pub session: String,
    /// Where to send the browser.
    pub location: String,
}

/// Begins a sign-in.
///
/// # Errors
/// `Unavailable` when no provider is configured.
pub async fn sign_in_begin(
    state: &State,
    redirect_uri: &str,
    next: Option<String>,
) -> Result<SignIn> {
    let Some(provider) = &state.provider else {
        return Err(Error::unavailable("no OpenID provider is configured"));
    };
    let pending = Pending {
        state: random_id(),
        nonce: random_id(),
        next: next.filter(|path| is_local(path)),
    };
    let location = provider.authorization_url(redirect_uri, &pending.state, &pending.nonce)?;
    let content = Content {
        user_id: None,
        pending: Some(pending),
    };
    let session = session_create(state, &content, PENDING_SECS, None).await?;
    Ok(SignIn { session, location })
}

/// Ends a sign-in with what the provider sent through the browser. `None`: it failed.
///
/// # Errors
/// `InvalidInput` when `state` is not the one that was sent.
pub async fn sign_in_end(
    state: &State,
    session: Option<String>,
    redirect_uri: &str,
    (code, sent_state): (Option<String>, Option<String>),
) -> Result<Option<SignIn>> {
    let (Some(provider), Some(session), Some(code), Some(sent_state)) =
        (&state.provider, session, code, sent_state)
    else {
        return Ok(None);
    };
    let Some(pending) = pending_of(state, session.clone()).await? else {
        return Ok(None);
    };
    if pending.state != sent_state {
        return Err(Error::invalid("the state of the sign-in does not match"));
    }
    let email = match provider.email(&code, redirect_uri, &pending.nonce).await {
        Ok(email) => email,
        Err(error) => {
            tracing::warn!(error = error.chain(), "sign-in failed");
            return Ok(None);
        }
    };
    let Some(user_id) = admit(state, email).await? else {
        return Ok(None);
    };
    let content = Content {
        user_id: Some(user_id),
        pending: None,
    };
    let age = state.settings.own.session_age_secs;
    // The id changes with the rights, so that nobody can plant a session.
    let session = session_create(state, &content, age, Some(session)).await?;
    let location = pending.next.unwrap_or_else(|| "/?signedin=true".to_owned());
    Ok(Some(SignIn { session, location }))
}

/// Finds or makes the user with an address; `None` when the user may not sign in.
async fn admit(state: &State, email: String) -> Result<Option<i32>> {
    if check_email(&email).is_err() {
        return Ok(None);
    }
    let now = state.clock.now().naive_utc();
    let admitted = state
        .db
        .write(move |conn| {
            let mut user = match super::admin::one_by_email(conn, &email)? {
                Some(user) => user,
                None => {
                    let id = repo::user_insert_in_txn(conn, &email, now)?;
                    found(repo::user_find(conn, id)?)?
                }
            };
            // An administrator's word stands, the provider's is lifted by the provider (D-33).
            if user.inactive == Some(Inactive::Administrator) {
                return Ok(None);
            }
            (user.is_active, user.inactive) = (true, None);
            user.last_login = Some(now);
            repo::user_update_in_txn(conn, &user)?;
            Ok(Some(user.id))
        })
        .await;
    match admitted {
        // Several users have this address: nobody can tell who it is.
        Err(error) if error.kind() == Kind::InvalidInput => Ok(None),
        admitted => admitted,
    }
}

async fn pending_of(state: &State, session: String) -> Result<Option<Pending>> {
    let now = state.clock.now().naive_utc();
    let data = state
        .db
        .read(move |conn| Ok(repo::session_find(conn, &session, now)?))
        .await?;
    Ok(data.and_then(|data| serde_json::from_str::<Content>(&data).ok()?.pending))
}

async fn session_create(
    state: &State,
    content: &Content,
    age_secs: i64,
    replaced: Option<String>,
) -> Result<String> {
    let session = random_id();
    let data = serde_json::to_string(content)
        .map_err(|e| Error::internal("a session cannot be written").with_source(e))?;
    let life = Duration::try_seconds(age_secs).unwrap_or_default();
    let expires_at = state
        .clock
        .now()
        .checked_add_signed(life)
        .ok_or_else(|| Error::internal("SESSION_COOKIE_AGE is too large"))?
        .naive_utc();
    let key = session.clone();
    state
        .db
        .write(move |conn| {
            if let Some(replaced) = &replaced {
                repo::session_delete_in_txn(conn, replaced)?;
            }
            Ok(repo::session_insert_in_txn(conn, &key, &data, expires_at)?)
        })
        .await?;
    Ok(session)
}

/// Ends a session.
///
/// # Errors
/// The database does not answer.
pub async fn sign_out(state: &State, session: String) -> Result<()> {
    state
        .db
        .write(move |conn| Ok(repo::session_delete_in_txn(conn, &session)?))
        .await
}

/// Removes expired sessions and returns how many there were.
///
/// # Errors
/// The database does not answer.
pub async fn session_purge(state: &State) -> Result<usize> {
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| Ok(repo::session_purge_in_txn(conn, now)?))
        .await
}

/// Returns whether a path stays on this host in every browser.
fn is_local(path: &str) -> bool {
    path.len() <= MAX_NEXT_BYTES
        && path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_host_are_returned_to() {
        for path in ["/", "/uploads?page=2", "/help"] {
            assert!(is_local(path), "{path}");
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "x",
        ] {
            assert!(!is_local(path), "{path}");
        }
    }
}
