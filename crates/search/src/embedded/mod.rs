// SPDX-License-Identifier: MPL-2.0
//! The index inside the process, in one folder that one process owns.

mod aggregate;
mod column;
mod compile;
mod engine;
mod folder;
mod hits;
mod literal;
mod mapping;
mod matcher;
mod matches;
mod search;
mod snapshot;
mod sort;
mod tokenizer;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use releng_common::pool::Pool;
use releng_common::{Clock, Error};
use serde_json::Value;

use crate::document::Document;
use crate::error::SearchError;
use crate::index::{Health, SearchIndex};
use crate::limits::Limits;

pub use engine::Engine;

/// Settings of the embedded index.
#[derive(Clone, Debug)]
pub struct EmbeddedSettings {
    /// Folder of the index, `$DATA_DIR/buildhub-index`. Created if it does not exist.
    pub folder: PathBuf,
    /// Memory for documents that are not written to a segment yet. Default and least 15 MB.
    pub writer_heap_bytes: usize,
    /// Bounds of one search.
    pub limits: Limits,
}

impl EmbeddedSettings {
    /// Creates settings with the documented defaults.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            writer_heap_bytes: 15_000_000,
            limits: Limits::default(),
        }
    }
}

/// The embedded index for async callers: every call runs on a pool for blocking work.
#[derive(Clone)]
pub struct Embedded {
    engine: Arc<Engine>,
    searches: Pool,
    writes: Pool,
}

impl Embedded {
    /// Opens the folder. `searches` bounds the searches that run and wait at once; writes have a
    /// pool of one beside it.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open(
        settings: EmbeddedSettings,
        clock: Clock,
        searches: Pool,
    ) -> Result<Self, Error> {
        let writes = Pool::new(1, 1_024);
        let engine = writes.run(move || Engine::open(settings, clock)).await?;
        Ok(Self {
            engine: Arc::new(engine),
            searches,
            writes,
        })
    }

    /// Returns the engine, for callers that are on a blocking thread already.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    async fn run<T: Send + 'static>(
        &self,
        pool: &Pool,
        job: impl FnOnce(&Engine) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let engine = Arc::clone(&self.engine);
        // The pool speaks the neutral error; ours keeps its variants by travelling inside.
        pool.run(move || Ok(job(&engine))).await?
    }
}

#[async_trait]
impl SearchIndex for Embedded {
    async fn search(&self, body: &Value) -> Result<Value, SearchError> {
        let body = body.clone();
        self.run(&self.searches, move |engine| engine.search(&body))
            .await
    }

    async fn put(&self, documents: Vec<Document>) -> Result<(), SearchError> {
        self.run(&self.writes, move |engine| engine.put(&documents))
            .await
    }

    async fn remove(&self, ids: Vec<i64>) -> Result<(), SearchError> {
        self.run(&self.writes, move |engine| engine.remove(&ids))
            .await
    }

    async fn commit(&self) -> Result<(), SearchError> {
        self.run(&self.writes, Engine::commit).await
    }

    async fn contains(&self, ids: Vec<i64>) -> Result<Vec<i64>, SearchError> {
        self.run(&self.writes, move |engine| engine.contains(&ids))
            .await
    }

    async fn highest_id(&self) -> Result<Option<i64>, SearchError> {
        self.run(&self.writes, Engine::highest_id).await
    }

    async fn clear(&self) -> Result<(), SearchError> {
        self.run(&self.writes, Engine::clear).await
    }

    async fn health(&self) -> Result<Health, SearchError> {
        Ok(self.engine.health())
    }

    async fn rebuild_recorded(&self) -> Result<(), SearchError> {
        self.run(&self.writes, Engine::rebuild_recorded).await
    }
}
