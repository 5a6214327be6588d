// SPDX-License-Identifier: MPL-2.0
//! Who sent a request, by token or session (tecken.md §7.2). Asked anew each time: a token is worth
//! no more than its owner is now (D-30).

use std::collections::BTreeSet;

use releng_common::{Error, Result};
use releng_db::{AnyConnection, TxResult};

use crate::domain::{Caller, Permission, User};
use crate::{State, repo};

/// Text for requests that need somebody.
pub const NEEDS_TOKEN: &str = "This requires an Auth-Token to authenticate the request";

/// What a request shows of its sender. The token counts when there are both.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Value of `Auth-Token`.
    pub token: Option<String>,
    /// Id of the session.
    pub session: Option<String>,
}

/// Returns the sender; `None` is an anonymous one.
///
/// # Errors
/// `Forbidden` for a token that does not hold.
pub async fn caller_find(state: &State, credentials: Credentials) -> Result<Option<Caller>> {
    let now = state.clock.now().naive_utc();
    let Credentials { token, session } = credentials;
    if let Some(token) = token.filter(|_| state.settings.own.tokens_enabled) {
        return state
            .db
            .read(move |conn| by_token(conn, &token, now))
            .await
            .map(Some);
    }
    match session {
        Some(session) => {
            state
                .db
                .read(move |conn| by_session(conn, session, now))
                .await
        }
        None => Ok(None),
    }
}

fn by_token(conn: &mut AnyConnection, token: &str, now: chrono::NaiveDateTime) -> TxResult<Caller> {
    let refused = |text: &'static str| Err(Error::forbidden(text).into());
    // PostgreSQL takes no NUL in a text; such a token was never issued.
    let found = if token.contains('\0') {
        None
    } else {
        repo::token_find(conn, token)?
    };
    let Some((expires_at, user, held)) = found else {
        return refused("API Token not matched");
    };
    if expires_at <= now {
        return refused("API Token found but expired");
    }
    if !user.is_active {
        return refused("API Token matched but user not active");
    }
    let own_permissions = permissions(conn, &user)?;
    let permissions = held
        .into_iter()
        .filter(|p| own_permissions.contains(p))
        .collect();
    Ok(Caller {
        user,
        permissions,
        own_permissions,
        session: None,
    })
}

fn by_session(
    conn: &mut AnyConnection,
    session: String,
    now: chrono::NaiveDateTime,
) -> TxResult<Option<Caller>> {
    let data = repo::session_find(conn, &session, now)?;
    let Some(user_id) = data.as_deref().and_then(super::sign_in::user_of) else {
        return Ok(None);
    };
    let Some(user) = repo::user_find(conn, user_id)?.filter(|user| user.is_active) else {
        return Ok(None);
    };
    let permissions = permissions(conn, &user)?;
    let own_permissions = permissions.clone();
    Ok(Some(Caller {
        user,
        permissions,
        own_permissions,
        session: Some(session),
    }))
}

fn permissions(conn: &mut AnyConnection, user: &User) -> TxResult<BTreeSet<Permission>> {
    if user.is_superuser {
        return Ok(Permission::ALL.into_iter().collect());
    }
    Ok(repo::permissions_of_user(conn, user.id)?
        .into_iter()
        .collect())
}

/// Returns the permissions with the ids that the API shows.
///
/// # Errors
/// The database does not answer.
pub async fn permission_list(state: &State) -> Result<Vec<(i32, Permission)>> {
    state.db.read(|conn| Ok(repo::permission_ids(conn)?)).await
}
