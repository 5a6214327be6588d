// SPDX-License-Identifier: MPL-2.0
//! What the commands do to people and tokens, beside a running server (D-53).

use chrono::Duration;
use releng_common::{Clock, Error, Result};
use releng_db::{AnyConnection, Db, TxResult};
use uuid::Uuid;

use crate::domain::{Inactive, Permission, User, check_email};
use crate::repo;

/// What `user` changes; what it does not name stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Groups to add.
    pub groups: Vec<String>,
    /// Make a superuser.
    pub is_superuser: bool,
    /// Make inactive; otherwise active.
    pub is_inactive: bool,
}

/// Creates or changes a user.
///
/// # Errors
/// `InvalidInput` for a bad address or an unknown group.
pub async fn user_change(db: &Db, clock: &Clock, email: &str, change: UserChange) -> Result<User> {
    check_email(email).map_err(Error::invalid)?;
    let (email, now) = (email.to_owned(), clock.now().naive_utc());
    db.write(move |conn| {
        let mut user = match one_by_email(conn, &email)? {
            Some(user) => user,
            None => {
                let id = repo::user_insert_in_txn(conn, &email, now)?;
                found(repo::user_find(conn, id)?)?
            }
        };
        user.is_superuser |= change.is_superuser;
        user.is_active = !change.is_inactive;
        user.inactive = change.is_inactive.then_some(Inactive::Administrator);
        repo::user_update_in_txn(conn, &user)?;
        for group in &change.groups {
            let Some(id) = repo::group_find(conn, group)? else {
                let known = repo::group_list(conn)?.join("', '");
                let text = format!("there is no group '{group}', only '{known}'");
                return Err(Error::invalid(text).into());
            };
            repo::membership_insert_in_txn(conn, user.id, id)?;
        }
        Ok(user)
    })
    .await
}

/// Makes somebody a superuser, or no longer one; returns the lines for the operator.
///
/// # Errors
/// `InvalidInput` for a bad address.
pub async fn superuser_toggle(db: &Db, clock: &Clock, email: &str) -> Result<Vec<String>> {
    check_email(email).map_err(Error::invalid)?;
    let (email, now) = (email.to_owned(), clock.now().naive_utc());
    db.write(move |conn| {
        let mut lines = Vec::new();
        let mut user = match one_by_email(conn, &email)? {
            Some(user) => user,
            None => {
                lines.push("User created".to_owned());
                let id = repo::user_insert_in_txn(conn, &email, now)?;
                found(repo::user_find(conn, id)?)?
            }
        };
        user.is_superuser = !user.is_superuser;
        (user.is_active, user.inactive) = (true, None);
        repo::user_update_in_txn(conn, &user)?;
        let verb = if user.is_superuser {
            "PROMOTED"
        } else {
            "DEMOTED"
        };
        lines.push(format!("{email} {verb} to superuser"));
        Ok(lines)
    })
    .await
}

/// Makes a token for somebody and returns it.
///
/// # Errors
/// `InvalidInput` for an unknown user or permission, or for both upload permissions at once.
pub async fn token_create(
    db: &Db,
    clock: &Clock,
    email: &str,
    permissions: &[String],
    (days, notes): (i64, String),
) -> Result<String> {
    let permissions = parse_permissions(permissions)?;
    let now = clock.now();
    let expires_at = Duration::try_days(days)
        .and_then(|life| now.checked_add_signed(life))
        .filter(|at| (1970..=9999).contains(&chrono::Datelike::year(at)))
        .ok_or_else(|| Error::invalid(format!("Invalid number of days ('{days}')")))?;
    let times = (now.naive_utc(), expires_at.naive_utc());
    let key = Uuid::new_v4().simple().to_string();
    let (email, token) = (email.to_owned(), key.clone());
    db.write(move |conn| {
        let Some(user) = one_by_email(conn, &email)? else {
            return Err(Error::invalid(format!("there is no user '{email}'")).into());
        };
        let ids: Vec<i32> = repo::permission_ids(conn)?
            .into_iter()
            .filter(|(_, permission)| permissions.contains(permission))
            .map(|(id, _)| id)
            .collect();
        repo::token_insert_in_txn(conn, user.id, (&token, &notes), times, &ids)?;
        Ok(())
    })
    .await?;
    Ok(key)
}

fn parse_permissions(names: &[String]) -> Result<Vec<Permission>> {
    let permissions = names
        .iter()
        .map(|name| {
            Permission::parse(name).ok_or_else(|| {
                let known = Permission::ALL.map(Permission::codename).join(", ");
                Error::invalid(format!("there is no permission '{name}', only {known}"))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let both = [Permission::UploadSymbols, Permission::UploadTrySymbols];
    if both.iter().all(|p| permissions.contains(p)) {
        return Err(Error::invalid("Invalid combination of permissions"));
    }
    Ok(permissions)
}

/// Returns the user with an address. The column is not unique: two are nobody's to choose between.
pub(super) fn one_by_email(conn: &mut AnyConnection, email: &str) -> TxResult<Option<User>> {
    let mut users = repo::user_list_by_email(conn, email)?;
    if users.len() > 1 {
        return Err(Error::invalid(format!("there are several users '{email}'")).into());
    }
    Ok(users.pop())
}

pub(super) fn found(user: Option<User>) -> Result<User> {
    user.ok_or_else(|| Error::internal("a user that was just made is not there"))
}
