// SPDX-License-Identifier: MPL-2.0
//! A fresh database for each test: a SQLite file always, a PostgreSQL database when there is a
//! server. Migrations run once per process; each test gets a copy.

mod postgres;
mod sqlite;

use std::path::Path;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::requirement::requires;

/// A database that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// The server of `TEST_DATABASE_URL`.
    Postgres,
}

/// Returns what this run can test on: SQLite always, PostgreSQL when `TEST_DATABASE_URL` is set. When
/// it is not, one line says so.
///
/// # Panics
/// When `RELENG_TEST_REQUIRE` contains `postgres` and there is none.
pub fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend::Sqlite];
    if requires("postgres").is_some() {
        backends.push(Backend::Postgres);
    }
    backends
}

/// The pattern of the databases of one kind: how their tables are made.
pub struct Template<M> {
    key: String,
    make: M,
}

impl<M: Fn(&str) -> anyhow::Result<()> + Sync> Template<M> {
    /// Describes databases whose tables `make` creates in the empty database at a URL. It runs on a
    /// thread of its own, where it may wait for a future ([`crate::poll::block_on`]). `name` and
    /// `fingerprint` tell patterns apart: the fingerprint changes when the migrations do.
    pub fn new(name: &str, fingerprint: impl AsRef<[u8]>, make: M) -> Self {
        let mut hash = Sha256::new();
        hash.update(name);
        hash.update([0]);
        hash.update(fingerprint);
        let digest = hex::encode(hash.finalize());
        let key = digest.get(..16).unwrap_or(&digest).to_owned();
        Self { key, make }
    }

    /// Describes databases that are made from the migrations in a folder, whose content is the
    /// fingerprint.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn of_migrations(name: &str, folder: &Path, make: M) -> Self {
        match fingerprint(folder) {
            Ok(fingerprint) => Self::new(name, fingerprint, make),
            Err(error) => panic!("migrations in {}: {error}", folder.display()),
        }
    }

    /// Makes a database.
    ///
    /// # Panics
    /// When `make` fails or the server refuses: without its database a test has nothing to say.
    pub fn create(&self, backend: Backend) -> TestDatabase {
        let database = match backend {
            Backend::Sqlite => sqlite::create(&self.key, &self.make).map(Kind::Sqlite),
            Backend::Postgres => postgres::create(&self.key, &self.make).map(Kind::Postgres),
        };
        match database {
            Ok(kind) => TestDatabase { kind },
            Err(error) => panic!("no {backend:?} database for a test: {error:#}"),
        }
    }
}

/// A database of one test, gone when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sqlite(sqlite::File),
    Postgres(postgres::Database),
}

impl TestDatabase {
    /// Makes a database in one step, for tests that need no second one like it.
    ///
    /// # Panics
    /// As [`Template::create`].
    pub fn create(
        backend: Backend,
        name: &str,
        fingerprint: impl AsRef<[u8]>,
        make: impl Fn(&str) -> anyhow::Result<()> + Sync,
    ) -> Self {
        Template::new(name, fingerprint, make).create(backend)
    }

    /// Makes a database without tables.
    ///
    /// # Panics
    /// As [`Template::create`].
    pub fn empty(backend: Backend) -> Self {
        Template::new("empty", "", |_: &str| Ok(())).create(backend)
    }

    /// Returns the address: `sqlite:///path/to/file` or `postgres://…`.
    pub fn url(&self) -> &str {
        match &self.kind {
            Kind::Sqlite(file) => file.url(),
            Kind::Postgres(database) => database.url(),
        }
    }

    /// Returns the kind of database.
    pub fn backend(&self) -> Backend {
        match &self.kind {
            Kind::Sqlite(_) => Backend::Sqlite,
            Kind::Postgres(_) => Backend::Postgres,
        }
    }
}

type Make<'a> = dyn Fn(&str) -> anyhow::Result<()> + Sync + 'a;

/// Runs `make` outside of whatever event loop the test runs in.
fn make_apart(make: &Make<'_>, url: &str) -> anyhow::Result<()> {
    let result = std::thread::scope(|scope| scope.spawn(|| make(url)).join());
    result
        .unwrap_or_else(|_| Err(anyhow::anyhow!("panicked")))
        .context("making the tables")
}

/// Hashes names and contents of all files of a folder, in order.
fn fingerprint(folder: &Path) -> std::io::Result<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut entries: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(if path.is_dir() {
            fingerprint(&path)?
        } else {
            Sha256::digest(std::fs::read(&path)?).to_vec()
        });
    }
    Ok(hash.finalize().to_vec())
}

#[cfg(test)]
mod tests;
