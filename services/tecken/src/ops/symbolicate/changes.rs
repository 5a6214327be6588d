// SPDX-License-Identifier: MPL-2.0
//! What uploads of all processes changed, before it is asked for.

use std::time::{Duration, Instant};

use releng_common::{Error, Result};

use crate::state::{FileRecord, Question};
use crate::{State, repo};

/// Longest wait for the database. Without it symbols are looked for anew each second.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes modules forgotten that were uploaded, by this process or another, when nobody did that
/// within the last second.
pub(super) async fn follow(state: &State) {
    let Some(mut known) = state.modules.news.turn().await else {
        return;
    };
    let began = Instant::now();
    let read = tokio::time::timeout(PATIENCE, read(state, known.question())).await;
    let records = match read {
        Ok(Ok(records)) => Some(records),
        Ok(Err(error)) => {
            tracing::debug!(error = error.chain(), "records of uploads cannot be read");
            None
        }
        Err(_) => None,
    };
    state.modules.learn(&mut known, records, began).await;
}

async fn read(state: &State, question: Question) -> Result<Vec<FileRecord>> {
    let rows = state
        .db
        .read(move |conn| Ok(repo::file_list_after(conn, question.after, &question.also)?));
    let record = |(id, key, is_complete)| FileRecord {
        id,
        key,
        is_complete,
    };
    let rows: Result<_, Error> = rows.await;
    Ok(rows?.into_iter().map(record).collect())
}
