// SPDX-License-Identifier: MPL-2.0
//! Queries on missing symbols.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::rows::MissingRow;
use super::schema::download_missingsymbol as missing;
use crate::domain::{Miss, MissingSymbol};

/// Records a miss: a row of its own, or one more of a row that there is.
pub(crate) fn missing_record_in_txn(
    conn: &mut AnyConnection,
    miss: &Miss,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let row = (
        missing::hash.eq(miss.hash()),
        missing::symbol.eq(&miss.symbol),
        missing::debugid.eq(&miss.debug_id),
        missing::filename.eq(&miss.filename),
        missing::code_file.eq(given(&miss.code_file)),
        missing::code_id.eq(given(&miss.code_id)),
        missing::count.eq(1),
        missing::modified_at.eq(now),
        missing::created_at.eq(now),
    );
    on_backend!(conn, c => diesel::insert_into(missing::table)
        .values(row)
        .on_conflict(missing::hash)
        .do_update()
        .set((missing::count.eq(missing::count + 1), missing::modified_at.eq(now)))
        .execute(c))
    .map(|_| ())
}

/// Returns a page of the misses of Windows modules since a moment, by time and id, after a row.
pub(crate) fn missing_list_after(
    conn: &mut AnyConnection,
    since: NaiveDateTime,
    after: (NaiveDateTime, i32),
    limit: i64,
) -> QueryResult<Vec<MissingSymbol>> {
    let rows: Vec<MissingRow> = missing::table
        .filter(missing::modified_at.ge(since))
        .filter(
            missing::modified_at.gt(after.0).or(missing::modified_at
                .eq(after.0)
                .and(missing::id.gt(after.1))),
        )
        .order((missing::modified_at, missing::id))
        .limit(limit)
        .select(MissingRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(MissingSymbol::from).collect())
}

/// Returns the newest misses.
pub(crate) fn missing_list(
    conn: &mut AnyConnection,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<MissingSymbol>> {
    let rows: Vec<MissingRow> = missing::table
        .order((missing::modified_at.desc(), missing::id.desc()))
        .offset(offset)
        .limit(limit)
        .select(MissingRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(MissingSymbol::from).collect())
}

/// Returns the number of different misses.
pub(crate) fn missing_count(conn: &mut AnyConnection) -> QueryResult<i64> {
    missing::table.count().get_result(conn)
}
