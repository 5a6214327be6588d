// SPDX-License-Identifier: MPL-2.0
//! Who stands behind a token of RelengAPI.

use releng_common::Result;
use releng_common::auth::{Caller, Scopes};

use crate::domain::Token;
use crate::{State, repo};

/// A caller with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The caller; the client id is the name under which uploads are recorded.
    pub caller: Caller,
    /// Address of the user who made the token.
    pub email: Option<String>,
}

/// Returns who carries a token, `None` when it does not hold. Asked anew for every request: a token
/// that was disabled is worth nothing from then on.
///
/// # Errors
/// The database does not answer.
pub async fn token_bearer(state: &State, token: &str) -> Result<Option<Bearer>> {
    let now = state.clock.now().timestamp();
    let token = state
        .token_key
        .as_ref()
        .and_then(|key| key.read(token, now));
    match token {
        None => Ok(None),
        Some(Token::Temporary { permissions }) => {
            let names = permissions.iter().map(String::as_str);
            Ok(Some(bearer(state, "token:tmp".to_owned(), names, None)))
        }
        Some(Token::Stored { kind, id }) => {
            let find = move |conn: &mut _| Ok(repo::token_fetch(conn, kind, id)?);
            let Some(row) = state.db.read(find).await? else {
                return Ok(None);
            };
            let mut author = format!("token:{}:id=t{id}", kind.as_str());
            if let Some(user) = &row.user {
                author.push_str(&format!(":user={user}"));
            }
            let names = row.permissions.split(',');
            Ok(Some(bearer(state, author, names, row.user.clone())))
        }
    }
}

fn bearer<'a>(
    state: &State,
    author: String,
    names: impl Iterator<Item = &'a str>,
    email: Option<String>,
) -> Bearer {
    let scopes = names.filter_map(|name| state.permissions.scope_of_old_name(name.trim()));
    Bearer {
        caller: Caller::client(author, Scopes::new(scopes.collect()), None),
        email,
    }
}
