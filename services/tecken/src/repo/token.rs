// SPDX-License-Identifier: MPL-2.0
//! Queries on API tokens.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::rows::UserRow;
use super::schema::{auth_permission, auth_user, tokens_token, tokens_token_permissions};
use crate::domain::{Permission, User};

/// Returns when a token ends, whose it is and what it holds.
pub(crate) fn token_find(
    conn: &mut AnyConnection,
    key: &str,
) -> QueryResult<Option<(NaiveDateTime, User, Vec<Permission>)>> {
    let found: Option<(i32, NaiveDateTime, UserRow)> = tokens_token::table
        .inner_join(auth_user::table)
        .filter(tokens_token::key.eq(key))
        .select((
            tokens_token::id,
            tokens_token::expires_at,
            UserRow::as_select(),
        ))
        .first(conn)
        .optional()?;
    let Some((id, expires_at, user)) = found else {
        return Ok(None);
    };
    let names: Vec<String> = tokens_token_permissions::table
        .inner_join(auth_permission::table)
        .filter(tokens_token_permissions::token_id.eq(id))
        .select(auth_permission::codename)
        .load(conn)?;
    let held = names
        .iter()
        .filter_map(|name| Permission::parse(name))
        .collect();
    Ok(Some((expires_at, User::from(user), held)))
}

/// Makes a token that holds the permissions with these ids.
pub(crate) fn token_insert_in_txn(
    conn: &mut AnyConnection,
    user_id: i32,
    (key, notes): (&str, &str),
    (created_at, expires_at): (NaiveDateTime, NaiveDateTime),
    permissions: &[i32],
) -> QueryResult<()> {
    let row = (
        tokens_token::key.eq(key),
        tokens_token::expires_at.eq(expires_at),
        tokens_token::notes.eq(notes),
        tokens_token::created_at.eq(created_at),
        tokens_token::user_id.eq(user_id),
    );
    let id: i32 = diesel::insert_into(tokens_token::table)
        .values(row)
        .returning(tokens_token::id)
        .get_result(conn)?;
    for permission in permissions {
        let row = (
            tokens_token_permissions::token_id.eq(id),
            tokens_token_permissions::permission_id.eq(permission),
        );
        diesel::insert_into(tokens_token_permissions::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}
