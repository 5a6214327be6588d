// SPDX-License-Identifier: MPL-2.0
//! Which migrations a service expects, and whether they have run.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use diesel::sql_types::Text;
use releng_common::Error;

use crate::{AnyConnection, Migrations, TxResult};

/// The versions that must be there. Once all were seen nothing is asked again: migrations only add.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    versions: Vec<String>,
    is_complete: AtomicBool,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

impl Schema {
    /// Both databases have the same versions; the names of the folders are their proof.
    pub(crate) fn of(migrations: &Migrations) -> Self {
        let found = diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(
            &migrations.sqlite,
        );
        let versions = found
            .unwrap_or_default()
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect();
        Self {
            versions,
            is_complete: AtomicBool::new(false),
        }
    }

    /// Fails while one of the versions is missing.
    pub(crate) fn check(&self, conn: &mut AnyConnection) -> TxResult<()> {
        if self.versions.is_empty() || self.is_complete.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sql = "SELECT CAST(version AS TEXT) AS version FROM __diesel_schema_migrations";
        let query = diesel::sql_query(sql);
        let run: Vec<Version> = match conn {
            AnyConnection::Sqlite(c) => query.load(c),
            AnyConnection::Postgres(c) => query.load(c),
        }
        // The table itself comes with the first migration.
        .unwrap_or_default();
        let is_there = |wanted: &String| run.iter().any(|v| v.version == *wanted);
        if !self.versions.iter().all(is_there) {
            let text = "the database lacks tables of this version: run the command migrate";
            return Err(Error::unavailable(text).into());
        }
        self.is_complete.store(true, Ordering::Relaxed);
        Ok(())
    }
}
