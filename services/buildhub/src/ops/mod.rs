// SPDX-License-Identifier: MPL-2.0
//! What the service does, one public function each. Transactions live here.

mod archive;
mod file;
mod index;
mod record;
mod search;

pub use archive::{ArchiveSummary, archive_ingest, path_ingest};
pub use index::{index_prepare, index_reset, index_step, index_waiting};
pub use record::{record_count, record_fetch};
pub use search::{Found, search, search_page, search_text};

use crate::Settings;

/// Brings the database up to date.
///
/// # Errors
/// The database cannot be opened or a migration fails.
pub async fn migrate(settings: &Settings) -> releng_common::Result<()> {
    releng_db::migrate(&settings.common.database_url, crate::repo::migrations()).await
}

/// Checks that the tables are there.
///
/// # Errors
/// The database does not answer or lacks a table.
pub async fn check_tables(db: &releng_db::Db) -> releng_common::Result<()> {
    db.read(|conn| {
        crate::repo::build_list_unindexed(conn, 1)?;
        crate::repo::archive_file_known(conn, &[])?;
        Ok(())
    })
    .await
}
