// SPDX-License-Identifier: MPL-2.0
//! Databases with the queue's table.

use std::path::Path;
use std::time::Duration;

use releng_common::Clock;
use releng_db::Db;
use releng_queue::{DbQueue, Limits, migrations, suite};
use releng_testkit::database::{Backend, Template, TestDatabase, backends};

/// A database of one test.
pub struct Database(TestDatabase);

impl Database {
    pub fn new(backend: Backend) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        Self(Template::of_migrations("queue", &folder, migrate).create(backend))
    }

    /// Returns a database per backend.
    pub fn all() -> Vec<Self> {
        backends().into_iter().map(Self::new).collect()
    }

    pub fn url(&self) -> &str {
        self.0.url()
    }

    pub fn backend(&self) -> Backend {
        self.0.backend()
    }

    /// Connects anew, as another process would.
    pub fn connect(&self) -> Db {
        Db::connect(self.url(), 6, Duration::from_secs(30)).unwrap()
    }

    pub fn queue(&self, clock: &Clock) -> DbQueue {
        queue(self.connect(), clock)
    }
}

pub fn queue(db: Db, clock: &Clock) -> DbQueue {
    DbQueue::new(db, "demo", clock.clone(), suite::limits()).unwrap()
}

pub fn roomy_queue(db: Db, clock: &Clock) -> DbQueue {
    DbQueue::new(db, "demo", clock.clone(), Limits::default()).unwrap()
}

/// Templates are made by a plain function, which the runtime of a test may not block.
fn migrate(url: &str) -> anyhow::Result<()> {
    let url = url.to_owned();
    let work = std::thread::spawn(move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(runtime.block_on(releng_db::migrate(&url, migrations()))?)
    });
    work.join().unwrap()
}
