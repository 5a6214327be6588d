// SPDX-License-Identifier: MPL-2.0
//! Embedded migrations for both databases, one process at a time, and a look at the result.

use std::collections::BTreeMap;
use std::fs::File;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _};
use releng_common::{Error, Kind, Result};

use crate::connection::{AnyConnection, Backend, LOCK_WAIT, establish, sqlite_path};

/// The migrations of one service, as folders with the same names for both databases.
pub struct Migrations {
    /// For SQLite.
    pub sqlite: EmbeddedMigrations,
    /// For PostgreSQL.
    pub postgres: EmbeddedMigrations,
}

/// Any number; the same in all our processes.
const LOCK_KEY: i64 = 0x7265_6c65_6e67;

/// Runs what is pending. Several processes may call it at once: they take turns.
///
/// # Errors
/// `InvalidInput` for a bad URL, `Unavailable` when the database does not answer, `Internal` when a
/// migration fails.
pub async fn migrate(url: &str, migrations: Migrations) -> Result<()> {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || run(&url, migrations))
        .await
        .map_err(|e| Error::internal("the migration panicked").with_source(e))?
}

fn run(url: &str, migrations: Migrations) -> Result<()> {
    let backend = Backend::of(url).map_err(Error::invalid)?;
    // Held until the end of the function.
    let _lock = match backend {
        Backend::Sqlite => Some(lock_file(sqlite_path(url))?),
        Backend::Postgres => None,
    };
    let mut conn = establish(backend, url, LOCK_WAIT).map_err(|e| {
        let kind = if backend == Backend::Sqlite || is_refusal(&e.to_string()) {
            Kind::InvalidInput
        } else {
            Kind::Unavailable
        };
        Error::new(kind, "DATABASE_URL: the database cannot be opened").with_source(e)
    })?;
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::internal("a migration failed").with_source(e)
    };
    match &mut conn {
        AnyConnection::Sqlite(c) => {
            c.run_pending_migrations(migrations.sqlite)
                .map_err(failed)?;
        }
        AnyConnection::Postgres(c) => {
            // A migration may take its time; another process that migrates may, too.
            diesel::sql_query("SET statement_timeout = 0")
                .execute(c)
                .map_err(|e| failed(e.into()))?;
            diesel::sql_query("SET lock_timeout = '5min'")
                .execute(c)
                .map_err(|e| failed(e.into()))?;
            // The lock ends with the session, also when the process is killed.
            diesel::sql_query("SELECT pg_advisory_lock($1)")
                .bind::<BigInt, _>(LOCK_KEY)
                .execute(c)
                .map_err(|e| failed(e.into()))?;
            c.run_pending_migrations(migrations.postgres)
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// Returns whether PostgreSQL answered that these settings will never do, as against a server that
/// is down, starting or full.
fn is_refusal(text: &str) -> bool {
    ["authentication failed", "does not exist", "no pg_hba.conf"]
        .iter()
        .any(|known| text.contains(known))
}

fn lock_file(path: &str) -> Result<File> {
    let cannot = |e: std::io::Error| {
        Error::invalid(format!("DATABASE_URL, DATA_DIR: {path} cannot be written")).with_source(e)
    };
    if let Some(folder) = std::path::Path::new(path)
        .parent()
        .filter(|f| !f.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let file = File::create(format!("{path}.lock")).map_err(cannot)?;
    file.lock().map_err(cannot)?;
    Ok(file)
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

const SQLITE_COLUMNS: &str = "SELECT m.name AS table_name, c.name AS column_name \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' \
    AND m.name <> '__diesel_schema_migrations'";
const POSTGRES_COLUMNS: &str = "SELECT table_name::text, column_name::text \
    FROM information_schema.columns \
    WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'";

/// Returns the columns of every table, sorted; the test that both schemas agree compares them.
///
/// # Errors
/// The database cannot be read.
pub fn schema(url: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let unreadable =
        |e: Box<dyn std::error::Error + Send + Sync>| Error::internal("cannot read").with_source(e);
    let backend = Backend::of(url).map_err(Error::invalid)?;
    let mut conn = establish(backend, url, LOCK_WAIT).map_err(|e| unreadable(e.into()))?;
    let columns: Vec<Column> = match &mut conn {
        AnyConnection::Sqlite(c) => diesel::sql_query(SQLITE_COLUMNS).load(c),
        AnyConnection::Postgres(c) => diesel::sql_query(POSTGRES_COLUMNS).load(c),
    }
    .map_err(|e| unreadable(e.into()))?;
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for column in columns {
        tables
            .entry(column.table_name)
            .or_default()
            .push(column.column_name);
    }
    for names in tables.values_mut() {
        names.sort();
    }
    Ok(tables)
}
