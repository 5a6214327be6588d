// SPDX-License-Identifier: MPL-2.0
//! Keeping the index a projection of the table (D-48). A row is noted as indexed only after its
//! document is durable; whatever happens in between, the row is worked off again, and the same
//! document replaces itself.

use releng_common::Result;
use releng_db::Db;
use releng_search::{Document, SearchIndex, exact};
use serde_json::Value;

use crate::domain::{document, parse_json};
use crate::metric::MetricName;
use crate::{Intake, repo};

/// Rows of one step: a commit costs the same for one document as for a thousand.
const STEP: i64 = 1_000;

/// Makes sure that every row without a document will be worked off. Called once before the first
/// step.
///
/// # Errors
/// Database or index do not answer.
pub async fn index_prepare(intake: &Intake, index: &dyn SearchIndex) -> Result<()> {
    let health = index.health().await?;
    let (total, noted) = intake
        .db
        .read(|conn| Ok((repo::build_count(conn)?, repo::build_count_indexed(conn)?)))
        .await?;
    let documents = i64::try_from(health.documents).unwrap_or(i64::MAX);
    // More documents than rows: the index belongs to another database. Fewer than noted: an older
    // copy of the folder. Either way nothing in it can be trusted.
    let is_foreign = documents > total || documents < noted;
    if health.needs_rebuild || is_foreign {
        tracing::info!(
            documents,
            rows = total,
            "the index is built anew from the table"
        );
        index_reset(&intake.db).await?;
        if is_foreign {
            index.clear().await?;
        }
        index.rebuild_recorded().await?;
    }
    Ok(())
}

/// Notes for all rows that they have to be indexed again; returns the number of rows.
///
/// # Errors
/// The database does not answer.
pub async fn index_reset(db: &Db) -> Result<i64> {
    db.write(|conn| {
        repo::build_unmark_all_in_txn(conn)?;
        Ok(repo::build_count(conn)?)
    })
    .await
}

/// Returns the number of rows that wait for the indexer.
///
/// # Errors
/// The database does not answer.
pub async fn index_waiting(db: &Db) -> Result<i64> {
    db.read(|conn| Ok(repo::build_count(conn)? - repo::build_count_indexed(conn)?))
        .await
}

/// Indexes the oldest rows that wait; returns how many it were. Zero means that the index is even
/// with the table.
///
/// # Errors
/// Database or index do not answer; then the rows still wait.
pub async fn index_step(intake: &Intake, index: &dyn SearchIndex) -> Result<usize> {
    let rows = intake
        .db
        .read(|conn| Ok(repo::build_list_unindexed(conn, STEP)?))
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let documents = rows.into_iter().map(to_document).collect();
    index.put(documents).await?;
    index.commit().await?;
    let (count, at) = (ids.len(), intake.clock.now());
    intake
        .db
        .write(move |conn| Ok(repo::build_mark_indexed_in_txn(conn, &ids, at)?))
        .await?;
    MetricName::Indexed.add(count);
    Ok(count)
}

/// A stored text is JSON on both databases; should one be damaged, its row still gets a document.
fn to_document(row: repo::Unindexed) -> Document {
    let build = match parse_json(&row.build) {
        Ok(json) => json.to_value_with(&exact::integer),
        Err(error) => {
            tracing::error!(record.id = row.id, %error, "a stored record is not JSON");
            Value::Null
        }
    };
    Document::new(row.id, document(row.id, &build))
}
