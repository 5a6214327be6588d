// SPDX-License-Identifier: MPL-2.0
//! Reading batches.

use releng_common::Result;

use super::{Listed, Span, no_such_thing, one_more};
use crate::domain::{Batch, File};
pub use crate::repo::Mention;
use crate::{State, repo};

/// Returns one batch.
///
/// # Errors
/// `NotFound`.
pub async fn batch_fetch(state: &State, id: i32) -> Result<Batch> {
    let batch = state
        .db
        .read(move |conn| Ok(repo::batch_fetch(conn, id)?))
        .await?;
    batch.ok_or_else(no_such_thing)
}

/// Returns the batches whose author or message contains a text, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn batch_search(state: &State, text: String, span: Span) -> Result<Listed<Batch>> {
    let read = one_more(span);
    let found = state
        .db
        .read(move |conn| Ok(repo::batch_search(conn, &text, read)?))
        .await?;
    Ok(Listed::cut(found, span.limit))
}

/// Returns the batches that name a file, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn file_mentions(state: &State, file: &File, span: Span) -> Result<Listed<Mention>> {
    let (read, id) = (one_more(span), file.id);
    let found = state
        .db
        .read(move |conn| Ok(repo::batch_mentions(conn, id, read)?))
        .await?;
    Ok(Listed::cut(found, span.limit))
}
