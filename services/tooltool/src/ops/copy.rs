// SPDX-License-Identifier: MPL-2.0
//! Moving to another database: all rows of one go into another that is new.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use releng_common::{Error, Kind, Result};
use releng_db::{Backend, Db};

use crate::repo;
use crate::repo::Copy;

/// Connections wait so long; a database that is being copied into has one writer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two lines in the log.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How many rows were copied, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied(BTreeMap<&'static str, usize>);

impl Copied {
    fn add(&mut self, what: &'static str, count: usize) {
        let sum = self.0.entry(what).or_default();
        *sum = sum.saturating_add(count);
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            "files",
            "filenames",
            "batches",
            "instances",
            "pending uploads",
        ];
        for (n, what) in counts.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let count = self.0.get(what).copied().unwrap_or_default();
            write!(f, "{comma}{count} {what}")?;
        }
        Ok(())
    }
}

/// Copies all rows into a database without any, whose tables it makes. Regions get the new names of
/// `regions`. Nothing is copied when anything fails.
///
/// # Errors
/// `InvalidInput` for addresses that cannot be, tables that are missing in one database and rows
/// that are there in the other; `Unavailable` when one of them does not answer.
pub async fn copy_data(from: &str, to: &str, regions: BTreeMap<String, String>) -> Result<Copied> {
    let (source, target) = (open("--from", from)?, open("--to", to)?);
    source
        .expecting(&repo::migrations())
        .check()
        .await
        .map_err(|e| about("--from", e))?;
    super::migrate(to).await.map_err(|e| about("--to", e))?;
    let source = open("--from", from)?;
    source
        .transfer_to(&target, move |from, to| {
            if !repo::copy_is_empty(to)? {
                let text = "--to: there are files or batches in this database already";
                return Err(Error::invalid(text).into());
            }
            let mut copied = Copied::default();
            let mut told = Instant::now();
            let mut progress = |what, count| {
                copied.add(what, count);
                if told.elapsed() >= TELL_EVERY {
                    told = Instant::now();
                    tracing::info!("copied {copied}");
                }
            };
            repo::copy_all_in_txn(&mut Copy {
                from,
                to,
                rename: &|region| regions.get(region).cloned(),
                progress: &mut progress,
            })?;
            Ok(copied)
        })
        .await
}

fn open(option: &str, url: &str) -> Result<Db> {
    let named = |text: String| Error::invalid(text.replacen("DATABASE_URL", option, 1));
    let backend = Backend::of(url).map_err(named)?;
    let file = url.strip_prefix("sqlite://");
    let file = file.or(url.strip_prefix("sqlite:")).unwrap_or(url);
    if option == "--from" && backend == Backend::Sqlite && !std::path::Path::new(file).is_file() {
        return Err(Error::invalid(format!("--from: there is no file {file}")));
    }
    Db::connect(url, 1, TIMEOUT)
}

fn about(option: &str, error: Error) -> Error {
    let kind = match error.kind() {
        Kind::Unavailable => Kind::Unavailable,
        _ => Kind::InvalidInput,
    };
    let text = format!(
        "{option}: {}",
        error.message().replace("DATABASE_URL: ", "")
    );
    Error::new(kind, text).with_source(error)
}
