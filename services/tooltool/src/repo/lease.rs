// SPDX-License-Identifier: MPL-2.0
//! Queries on leases: who works on what. `here` is what the clock of this process says, and counts on
//! SQLite alone, whose processes share a machine.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;
use releng_db::{AnyConnection, on_backend};

use super::instance::IDS_AT_ONCE;
use super::schema::leases;

/// Returns the moment that leases are measured by: on PostgreSQL the server's, since the clocks of
/// machines differ and are set back, and two of them must not take one lease. It goes on within a
/// transaction that has waited for a lock.
fn moment(conn: &mut AnyConnection, here: NaiveDateTime) -> QueryResult<NaiveDateTime> {
    match conn {
        AnyConnection::Postgres(conn) => {
            let there = sql::<Timestamp>("timezone('utc', clock_timestamp())");
            diesel::select(there).get_result(conn)
        }
        AnyConnection::Sqlite(_) => Ok(here),
    }
}

fn end(now: NaiveDateTime, life: Duration) -> NaiveDateTime {
    let life = TimeDelta::from_std(life).unwrap_or_default();
    // Only a clock beyond all dates has no such moment.
    now.checked_add_signed(life).unwrap_or(now)
}

/// Takes a lease that nobody holds. Returns whether it did.
pub(crate) fn lease_claim_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    holder: &str,
    here: NaiveDateTime,
    life: Duration,
) -> QueryResult<bool> {
    let now = moment(conn, here)?;
    let over = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::ends.le(now));
    diesel::delete(over).execute(conn)?;
    let row = (
        leases::name.eq(name),
        leases::holder.eq(holder),
        leases::ends.eq(end(now, life)),
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
    here: NaiveDateTime,
    life: Duration,
) -> QueryResult<bool> {
    let ends = end(moment(conn, here)?, life);
    let held = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::holder.eq(holder));
    let renewed = diesel::update(held)
        .set(leases::ends.eq(ends))
        .execute(conn)?;
    Ok(renewed > 0)
}

/// Returns whether a lease is held by this holder.
pub(crate) fn lease_is_held_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    holder: &str,
) -> QueryResult<bool> {
    let held = leases::table
        .filter(leases::name.eq(name))
        .filter(leases::holder.eq(holder));
    let count: i64 = held.count().get_result(conn)?;
    Ok(count > 0)
}

/// Returns whether one of these leases is held by anybody.
pub(crate) fn lease_is_live_in_txn(
    conn: &mut AnyConnection,
    names: &[String],
    here: NaiveDateTime,
) -> QueryResult<bool> {
    let now = moment(conn, here)?;
    for names in names.chunks(IDS_AT_ONCE) {
        let live = leases::table
            .filter(leases::name.eq_any(names))
            .filter(leases::ends.gt(now));
        let count: i64 = live.count().get_result(conn)?;
        if count > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a lease away from whoever holds it.
pub(crate) fn lease_break_in_txn(conn: &mut AnyConnection, name: &str) -> QueryResult<()> {
    diesel::delete(leases::table.find(name))
        .execute(conn)
        .map(|_| ())
}

/// Returns the names of leases that begin with `prefix` and ended without being given back.
pub(crate) fn lease_lost(
    conn: &mut AnyConnection,
    prefix: &str,
    here: NaiveDateTime,
    limit: i64,
) -> QueryResult<Vec<String>> {
    let now = moment(conn, here)?;
    leases::table
        .filter(leases::ends.le(now))
        .filter(leases::name.like(format!("{prefix}%")))
        .order(leases::name)
        .limit(limit)
        .select(leases::name)
        .load(conn)
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
