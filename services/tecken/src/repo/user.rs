// SPDX-License-Identifier: MPL-2.0
//! Queries on users, groups and permissions.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::rows::UserRow;
use super::schema::{
    auth_group, auth_group_permissions, auth_permission, auth_user, auth_user_groups,
};
use crate::domain::{Permission, User, username};

diesel::define_sql_function! {
    /// The text in lower case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Returns the users with an address, in any letter case; the column is not unique.
pub(crate) fn user_list_by_email(conn: &mut AnyConnection, email: &str) -> QueryResult<Vec<User>> {
    let rows: Vec<UserRow> = auth_user::table
        .filter(lower(auth_user::email).eq(email.to_lowercase()))
        .order(auth_user::id)
        .limit(2)
        .select(UserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Returns a user.
pub(crate) fn user_find(conn: &mut AnyConnection, id: i32) -> QueryResult<Option<User>> {
    let row: Option<UserRow> = auth_user::table
        .find(id)
        .select(UserRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(User::from))
}

/// Makes an active user without rights.
pub(crate) fn user_insert_in_txn(
    conn: &mut AnyConnection,
    email: &str,
    now: NaiveDateTime,
) -> QueryResult<i32> {
    let row = (
        // No text has this hash: nobody signs in with a password.
        auth_user::password.eq("!"),
        auth_user::is_superuser.eq(false),
        auth_user::username.eq(username(email)),
        auth_user::first_name.eq(""),
        auth_user::last_name.eq(""),
        auth_user::email.eq(email),
        auth_user::is_staff.eq(false),
        auth_user::is_active.eq(true),
        auth_user::date_joined.eq(now),
    );
    diesel::insert_into(auth_user::table)
        .values(row)
        .returning(auth_user::id)
        .get_result(conn)
}

/// Stores the rights and the last sign-in of a user.
pub(crate) fn user_update_in_txn(conn: &mut AnyConnection, user: &User) -> QueryResult<()> {
    let row = (
        auth_user::is_superuser.eq(user.is_superuser),
        auth_user::is_active.eq(user.is_active),
        auth_user::inactive_reason.eq(user.inactive.map(|reason| reason.stored())),
        auth_user::last_login.eq(user.last_login),
    );
    diesel::update(auth_user::table.find(user.id))
        .set(row)
        .execute(conn)
        .map(|_| ())
}

/// Returns the id of a group.
pub(crate) fn group_find(conn: &mut AnyConnection, name: &str) -> QueryResult<Option<i32>> {
    auth_group::table
        .filter(auth_group::name.eq(name))
        .select(auth_group::id)
        .first(conn)
        .optional()
}

/// Returns the names of the groups.
pub(crate) fn group_list(conn: &mut AnyConnection) -> QueryResult<Vec<String>> {
    auth_group::table
        .order(auth_group::name)
        .limit(1000)
        .select(auth_group::name)
        .load(conn)
}

/// Puts a user into a group; being there already is fine.
pub(crate) fn membership_insert_in_txn(
    conn: &mut AnyConnection,
    user_id: i32,
    group_id: i32,
) -> QueryResult<()> {
    let found: Option<i32> = auth_user_groups::table
        .filter(auth_user_groups::user_id.eq(user_id))
        .filter(auth_user_groups::group_id.eq(group_id))
        .select(auth_user_groups::id)
        .first(conn)
        .optional()?;
    if found.is_none() {
        let row = (
            auth_user_groups::user_id.eq(user_id),
            auth_user_groups::group_id.eq(group_id),
        );
        diesel::insert_into(auth_user_groups::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

/// Returns what a user may do through groups.
pub(crate) fn permissions_of_user(
    conn: &mut AnyConnection,
    user_id: i32,
) -> QueryResult<Vec<Permission>> {
    let names: Vec<String> = auth_user_groups::table
        .inner_join(
            auth_group::table
                .inner_join(auth_group_permissions::table.inner_join(auth_permission::table)),
        )
        .filter(auth_user_groups::user_id.eq(user_id))
        .select(auth_permission::codename)
        .distinct()
        .load(conn)?;
    Ok(names
        .iter()
        .filter_map(|name| Permission::parse(name))
        .collect())
}

/// Returns the permissions with the ids that the API shows.
pub(crate) fn permission_ids(conn: &mut AnyConnection) -> QueryResult<Vec<(i32, Permission)>> {
    let names = Permission::ALL.map(Permission::stored);
    let rows: Vec<(i32, String)> = auth_permission::table
        .filter(auth_permission::codename.eq_any(names))
        .order(auth_permission::id)
        .select((auth_permission::id, auth_permission::codename))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, name)| Permission::parse(&name).map(|p| (id, p)))
        .collect())
}
