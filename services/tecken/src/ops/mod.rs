// SPDX-License-Identifier: MPL-2.0
//! What the service does, one public function each. Transactions live here.

mod admin;
mod ask;
mod caller;
mod changes;
mod download;
mod index;
mod index_job;
mod missing;
mod sign_in;
mod symbolicate;
mod upload;
mod uploads;

pub use admin::{UserChange, superuser_toggle, token_create, user_change};
pub use caller::{Credentials, NEEDS_TOKEN, caller_find, permission_list};
pub use changes::changes_follow;
pub use download::{symbol_by_code, symbol_find, symbol_url};
pub use index_job::{Event, IndexJob, Outcome, Totals, index_build};
pub use missing::{CsvPage, csv_begin, csv_next, missing_page, missing_record, missing_retry};
pub use sign_in::{SignIn, session_purge, sign_in_begin, sign_in_end, sign_out};
pub use symbolicate::{module_body, symbolicate_body};
pub use upload::{Posted, upload_create};
pub use uploads::{NO_UPLOAD, upload_fetch, upload_recent};

use std::time::Duration;

use releng_common::{Error, Kind, Result};

/// Returns a duration as timers have it.
fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Brings the database up to date.
///
/// # Errors
/// The database cannot be opened or a migration fails.
pub async fn migrate(database_url: &str) -> Result<()> {
    releng_db::migrate(database_url, crate::repo::migrations()).await
}

/// Turns an outage of a store into the 500 that the contract names (tecken.md §2.3, §5.6): clients
/// retry on it and must never take it for absence.
fn store_fault(error: Error) -> Error {
    match error.kind() {
        Kind::Unavailable => {
            Error::internal("a store of symbols does not answer").with_source(error)
        }
        _ => error,
    }
}

/// Returns whether a store answered that it does not let us look. S3 says so for missing keys, too,
/// when the caller may not list.
fn is_refusal(error: &Error) -> bool {
    error.chain().contains(": status 403")
}

/// Returns the status with which a store refused for good: asking again later is of no use, and
/// neither is it absence.
fn refused_status(error: &Error) -> Option<u16> {
    let chain = error.chain();
    let (_, rest) = chain.split_once(": status ")?;
    let status: u16 = rest.get(..3)?.parse().ok()?;
    // A bucket that does not exist answers 404; the others ask for another try.
    ((400..500).contains(&status) && !matches!(status, 404 | 408 | 429)).then_some(status)
}
