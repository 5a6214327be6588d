// SPDX-License-Identifier: MPL-2.0
//! Reading records by their number.

use releng_common::{Error, Result};

use crate::{State, repo};

/// Returns the number of records. It never lags (D-54), and costs a count only after a change.
///
/// # Errors
/// The database does not answer.
pub async fn record_count(state: &State) -> Result<i64> {
    let load = || state.intake.db.read(|conn| Ok(repo::build_count(conn)?));
    state.totals.get((), load).await.map(|total| *total)
}

/// Returns a record as it was stored (D-46): the text, for numbers may be longer than any type.
///
/// # Errors
/// `NotFound` for an unknown id.
pub async fn record_fetch(state: &State, id: i64) -> Result<String> {
    let text = state
        .intake
        .db
        .read(move |conn| Ok(repo::build_fetch(conn, id)?))
        .await?;
    text.ok_or_else(|| Error::not_found("no such record"))
}
