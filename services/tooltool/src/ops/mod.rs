// SPDX-License-Identifier: MPL-2.0
//! What the service does, one public function each. Transactions live here.

mod batch;
mod copy;
mod download;
mod file;
mod lease;
mod pending;
mod recount;
mod replicate;
mod schedule;
mod token;
mod upload;
mod verify;
mod watch;
mod work;

pub use batch::{Mention, batch_fetch, batch_search, file_mentions};
pub use copy::{Copied, copy_data};
pub use download::{download_find, download_sign};
pub use file::{file_change, file_fetch, file_search};
pub use pending::{Checked, pending_check, pending_check_patiently, pending_check_told};
pub use recount::file_recount;
pub use replicate::file_replicate;
pub use schedule::{check_all, check_schedule, replicate_all, replicate_schedule};
pub use token::{Bearer, token_bearer};
pub use upload::{Accepted, AcceptedFile, Completion, upload_complete, upload_create};
pub use watch::file_watch;
pub use work::work_run;

pub use crate::repo::Span;

use std::time::Duration;

use releng_common::http::problem::PATH_NOT_FOUND;
use releng_common::{Error, Result};

/// Text of the 500 for a file whose regions are all unknown here.
pub const NO_REGION: &str = "No available regions for file";
/// Beginning of the text of the 500 for an instance whose region is unknown here.
pub const NO_BUCKET: &str = "No bucket for region ";

/// Text for a file whose objects are just being deleted.
const BEING_DELETED: &str = "objects of the file are being deleted, try again";

/// Longest wait for somebody else who deletes the objects of a file.
const PATIENCE: Duration = Duration::from_secs(12);
/// Pause between two looks whether that has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// A list, and whether it was cut at the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// More would follow.
    pub is_cut: bool,
}

impl<T> Listed<T> {
    /// Cuts entries that were read with one more than `limit`.
    fn cut(mut entries: Vec<T>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_cut = entries.len() > limit;
        entries.truncate(limit);
        Self { entries, is_cut }
    }
}

/// Returns the span to read so that a cut shows.
fn one_more(span: Span) -> Span {
    Span {
        limit: span.limit.saturating_add(1),
        ..span
    }
}

fn no_such_thing() -> Error {
    Error::not_found(PATH_NOT_FOUND)
}

/// Brings the database up to date.
///
/// # Errors
/// The database cannot be opened or a migration fails.
pub async fn migrate(database_url: &str) -> Result<()> {
    releng_db::migrate(database_url, crate::repo::migrations()).await?;
    releng_db::migrate(database_url, releng_queue::migrations()).await
}
