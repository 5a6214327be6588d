// SPDX-License-Identifier: MPL-2.0
//! PostgreSQL databases of tests: created from a migrated one, dropped with the test, and swept when
//! their process died before it could.
//!
//! All names of a process begin with its own mark, and the process holds an advisory lock for the
//! mark as long as it lives. Whoever gets the lock of another mark knows that its owner is dead,
//! on this machine or another.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::{Make, make_apart};
use crate::requirement::requires;

/// All databases of this module begin so.
const PREFIX: &str = "releng_test_";
/// Advisory lock that lets one process at a time make patterns and sweep.
const MAKING: i64 = 0x7465_7374_6b69_7400;

/// The mark of this process: its number for people who look, and what makes it unique.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let unique = Uuid::new_v4().simple().to_string();
    format!(
        "{}_{}",
        std::process::id(),
        unique.get(..12).unwrap_or(&unique)
    )
});

static SERVER: Mutex<Option<Server>> = Mutex::new(None);
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// The connection that creates and drops, and holds the lock of this process.
struct Server {
    connection: PgConnection,
    address: Url,
    patterns: HashSet<String>,
}

/// A database on the server.
#[derive(Debug)]
pub(super) struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Returns the address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = server.as_mut() {
            // What stays behind is swept by the next process; a drop must not fail a test.
            let _ = server.connection.batch_execute(&drop_statement(&self.name));
        }
    }
}

/// Makes a database after the pattern `key`, which `make` fills when this process needs it first.
pub(super) fn create(key: &str, make: &Make<'_>) -> anyhow::Result<Database> {
    let mut guard = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match guard.as_mut() {
        Some(server) => server,
        None => guard.insert(Server::open()?),
    };
    let pattern = server.pattern(key, make)?;
    let name = format!(
        "{PREFIX}{}_{}",
        *MARK,
        COUNTER.fetch_add(1, Ordering::Relaxed)
    );
    server
        .connection
        .batch_execute(&format!(
            "CREATE DATABASE \"{name}\" TEMPLATE \"{pattern}\""
        ))
        .with_context(|| format!("creating {name}"))?;
    Ok(Database {
        url: server.url_of(&name),
        name,
    })
}

impl Server {
    fn open() -> anyhow::Result<Self> {
        let url = requires("postgres").ok_or_else(|| anyhow!("TEST_DATABASE_URL is unset"))?;
        let address = Url::parse(&url).context("TEST_DATABASE_URL")?;
        let connection = PgConnection::establish(&url).context("TEST_DATABASE_URL")?;
        let mut server = Self {
            connection,
            address,
            patterns: HashSet::new(),
        };
        server.lock("pg_advisory_lock", lock_of(&MARK))?;
        server.with_making(Self::sweep)?;
        Ok(server)
    }

    /// Returns the name of the migrated database, made when it is not there yet.
    fn pattern(&mut self, key: &str, make: &Make<'_>) -> anyhow::Result<String> {
        let name = format!("{PREFIX}{}_t{key}", *MARK);
        if self.patterns.contains(&name) {
            return Ok(name);
        }
        self.with_making(|server| {
            // A `make` that failed before has left half a pattern.
            server.connection.batch_execute(&drop_statement(&name))?;
            server
                .connection
                .batch_execute(&format!("CREATE DATABASE \"{name}\""))?;
            make_apart(make, &server.url_of(&name))?;
            // A pool that closes late would keep the pattern from being copied.
            server.end_connections(&name)
        })?;
        self.patterns.insert(name.clone());
        Ok(name)
    }

    fn end_connections(&mut self, name: &str) -> anyhow::Result<()> {
        let query =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
        diesel::sql_query(query)
            .bind::<Text, _>(name)
            .execute(&mut self.connection)?;
        Ok(())
    }

    /// Drops the databases whose process is dead.
    fn sweep(&mut self) -> anyhow::Result<()> {
        for mark in self.marks()? {
            if mark == *MARK || !self.try_lock(lock_of(&mark))? {
                continue;
            }
            for name in self.names(&format!("{PREFIX}{mark}_"))? {
                self.connection.batch_execute(&drop_statement(&name))?;
            }
            self.lock("pg_advisory_unlock", lock_of(&mark))?;
        }
        Ok(())
    }

    fn marks(&mut self) -> anyhow::Result<HashSet<String>> {
        let names = self.names(PREFIX)?;
        let marks = names.iter().filter_map(|name| {
            let (mark, _) = name.strip_prefix(PREFIX)?.rsplit_once('_')?;
            Some(mark.to_owned())
        });
        Ok(marks.collect())
    }

    fn names(&mut self, prefix: &str) -> anyhow::Result<Vec<String>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let query = "SELECT datname::text AS name FROM pg_database WHERE starts_with(datname, $1)";
        let rows: Vec<Row> = diesel::sql_query(query)
            .bind::<Text, _>(prefix)
            .load(&mut self.connection)?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    fn with_making<T>(
        &mut self,
        action: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.lock("pg_advisory_lock", MAKING)?;
        let result = action(self);
        self.lock("pg_advisory_unlock", MAKING)?;
        result
    }

    fn lock(&mut self, function: &str, key: i64) -> anyhow::Result<()> {
        diesel::sql_query(format!("SELECT {function}($1)"))
            .bind::<BigInt, _>(key)
            .execute(&mut self.connection)?;
        Ok(())
    }

    fn try_lock(&mut self, key: i64) -> anyhow::Result<bool> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Bool)]
            locked: bool,
        }
        let row: Row = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked")
            .bind::<BigInt, _>(key)
            .get_result(&mut self.connection)?;
        Ok(row.locked)
    }

    fn url_of(&self, name: &str) -> String {
        let mut url = self.address.clone();
        url.set_path(&format!("/{name}"));
        url.to_string()
    }
}

/// Ends the connections to a database and drops it. Names consist of characters that need no quoting.
fn drop_statement(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")
}

/// Returns the advisory lock that the process with a mark holds.
fn lock_of(mark: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(mark).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Backend, TestDatabase, backends};

    fn exists(name: &str) -> bool {
        let mut guard = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        guard
            .as_mut()
            .unwrap()
            .names(name)
            .unwrap()
            .iter()
            .any(|found| found == name)
    }

    #[test]
    fn databases_of_dead_processes_are_swept_and_those_of_living_ones_stay() {
        if !backends().contains(&Backend::Postgres) {
            return;
        }
        let living = TestDatabase::empty(Backend::Postgres);
        let living_name = Url::parse(living.url())
            .unwrap()
            .path()
            .trim_matches('/')
            .to_owned();
        let other_mark = format!("1_{}", Uuid::new_v4().simple());
        let dead_mark = format!("1_{}", Uuid::new_v4().simple());
        let (other, dead) = (
            format!("{PREFIX}{other_mark}_1"),
            format!("{PREFIX}{dead_mark}_tabc"),
        );
        let mut other_process = PgConnection::establish(&requires("postgres").unwrap()).unwrap();
        diesel::sql_query("SELECT pg_advisory_lock($1)")
            .bind::<BigInt, _>(lock_of(&other_mark))
            .execute(&mut other_process)
            .unwrap();
        {
            let mut guard = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
            let server = guard.as_mut().unwrap();
            for name in [&other, &dead] {
                server
                    .connection
                    .batch_execute(&format!("CREATE DATABASE \"{name}\""))
                    .unwrap();
            }
            server.with_making(Server::sweep).unwrap();
        }
        assert!(exists(&other) && exists(&living_name));
        assert!(!exists(&dead));
        drop(living);
        assert!(!exists(&living_name));
        other_process
            .batch_execute(&drop_statement(&other))
            .unwrap();
    }
}
