// SPDX-License-Identifier: MPL-2.0
//! What uploads of all processes changed, before it is asked for. The process that takes an upload
//! tells of it as well, but it may be killed between storing a file and telling.

use std::time::{Duration, Instant};

use releng_common::{Error, Result};

use super::download::code_keys;
use crate::state::{FileRecord, Question, Turn};
use crate::{State, repo};

/// Longest wait for the database. Without it symbols are looked for anew each second.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes everything forgotten that was known of uploaded files, by this process or another, when nobody
/// did that within the last second.
pub async fn changes_follow(state: &State) {
    if let Some(turn) = state.modules.news.turn().await {
        look(state, turn).await;
    }
}

/// Does the same while the records can be read. Without them downloads go on with what is known: while
/// nothing can be recorded nothing is stored.
pub(super) async fn follow_if_possible(state: &State) {
    if !state.modules.news.is_blind() {
        changes_follow(state).await;
    }
}

async fn look(state: &State, mut known: Turn<'_>) {
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
    let changed = state.modules.learn(&mut known, records, began).await;
    if let Err(error) = forget_found(state, &changed).await {
        // What could not be removed the cache removes before it is read again.
        tracing::debug!(error = error.chain(), "the cache of downloads");
    }
}

/// Makes the cache of downloads ask the stores again for these files.
async fn forget_found(state: &State, changed: &[FileRecord]) -> Result<()> {
    let sources = state.sources.all();
    let mut names = Vec::new();
    for record in changed {
        let keys = sources.iter().filter_map(|source| {
            let key = record.key.strip_prefix(source.place.location.prefix())?;
            Some(source.cache_key(key))
        });
        names.extend(keys);
        if let Some((code_file, code_id)) = &record.code {
            names.extend(code_keys(code_file, code_id));
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    state.exists.cache().delete(&names).await
}

async fn read(state: &State, question: Question) -> Result<Vec<FileRecord>> {
    let rows = state
        .db
        .read(move |conn| Ok(repo::file_list_after(conn, question.after, &question.also)?));
    let rows: Result<_, Error> = rows.await;
    let record = |row: repo::ListedFile| FileRecord {
        id: row.id,
        key: row.key,
        code: row.code_file.zip(row.code_id),
        is_complete: row.completed_at.is_some(),
    };
    Ok(rows?.into_iter().map(record).collect())
}
