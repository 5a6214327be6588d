// SPDX-License-Identifier: MPL-2.0
//! Queries on leases: who works on what.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::schema::leases;

/// Takes a lease that nobody holds. Returns whether it did.
pub(crate) fn lease_claim_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    holder: &str,
    now: NaiveDateTime,
    ends: NaiveDateTime,
) -> QueryResult<bool> {
    let over = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::ends.le(now));
    diesel::delete(over).execute(conn)?;
    let row = (
        leases::name.eq(name),
        leases::holder.eq(holder),
        leases::ends.eq(ends),
    );
    let added = on_backend!(conn, c => diesel::insert_into(leases::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added > 0)
}

/// Moves the end of a lease. Returns whether it is still held.
pub(crate) fn lease_renew_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    holder: &str,
    ends: NaiveDateTime,
) -> QueryResult<bool> {
    let held = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::holder.eq(holder));
    let renewed = diesel::update(held)
        .set(leases::ends.eq(ends))
        .execute(conn)?;
    Ok(renewed > 0)
}

/// Gives a lease back.
pub(crate) fn lease_return_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    holder: &str,
) -> QueryResult<()> {
    let held = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::holder.eq(holder));
    diesel::delete(held).execute(conn).map(|_| ())
}
