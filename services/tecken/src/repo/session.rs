// SPDX-License-Identifier: MPL-2.0
//! Queries on sessions.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::AnyConnection;

use super::schema::django_session;

/// Returns the content of a session that has not expired.
pub(crate) fn session_find(
    conn: &mut AnyConnection,
    key: &str,
    now: NaiveDateTime,
) -> QueryResult<Option<String>> {
    django_session::table
        .find(key)
        .filter(django_session::expire_date.gt(now))
        .select(django_session::session_data)
        .first(conn)
        .optional()
}

/// Makes a session.
pub(crate) fn session_insert_in_txn(
    conn: &mut AnyConnection,
    key: &str,
    data: &str,
    expires_at: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        django_session::session_key.eq(key),
        django_session::session_data.eq(data),
        django_session::expire_date.eq(expires_at),
    );
    diesel::insert_into(django_session::table)
        .values(row)
        .execute(conn)
        .map(|_| ())
}

/// Ends a session; one that is gone is fine.
pub(crate) fn session_delete_in_txn(conn: &mut AnyConnection, key: &str) -> QueryResult<()> {
    diesel::delete(django_session::table.find(key))
        .execute(conn)
        .map(|_| ())
}

/// Removes what has expired and returns how much.
pub(crate) fn session_purge_in_txn(
    conn: &mut AnyConnection,
    now: NaiveDateTime,
) -> QueryResult<usize> {
    diesel::delete(django_session::table.filter(django_session::expire_date.le(now))).execute(conn)
}
