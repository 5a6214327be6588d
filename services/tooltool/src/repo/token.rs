// SPDX-License-Identifier: MPL-2.0
//! Queries on the tokens of RelengAPI. Only databases that once were RelengAPI's have the table.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Nullable, Text};
use releng_db::AnyConnection;

use crate::domain::StoredKind;

/// A token that may be used.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct TokenRow {
    /// Address of the user who made it.
    #[diesel(sql_type = Nullable<Text>)]
    pub user: Option<String>,
    /// Names of permissions, separated by commas.
    #[diesel(sql_type = Text)]
    pub permissions: String,
}

#[derive(QueryableByName)]
struct Presence {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

const IS_THERE_POSTGRES: &str =
    "SELECT to_regclass('relengapi_auth_tokens') IS NOT NULL AS is_there";
const IS_THERE_SQLITE: &str = "SELECT EXISTS \
    (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'relengapi_auth_tokens') AS is_there";

const FETCH: &str = "SELECT \"user\", _permissions AS permissions FROM relengapi_auth_tokens \
    WHERE id = $1 AND typ = $2 AND NOT coalesce(disabled, false)";

/// Returns a token that is not disabled.
pub(crate) fn token_fetch(
    conn: &mut AnyConnection,
    kind: StoredKind,
    id: i32,
) -> QueryResult<Option<TokenRow>> {
    let is_there = match conn {
        AnyConnection::Postgres(_) => IS_THERE_POSTGRES,
        AnyConnection::Sqlite(_) => IS_THERE_SQLITE,
    };
    let presence: Presence = diesel::sql_query(is_there).get_result(conn)?;
    if !presence.is_there {
        return Ok(None);
    }
    diesel::sql_query(FETCH)
        .bind::<Integer, _>(id)
        .bind::<Text, _>(kind.as_str().to_owned())
        .get_result(conn)
        .optional()
}
