// SPDX-License-Identifier: MPL-2.0
//! What the service asks of a search index, whichever it is.

use async_trait::async_trait;
use serde_json::Value;

use crate::document::Document;
use crate::error::SearchError;

/// State of an index, for the heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Documents that a search can find.
    pub documents: u64,
    /// Whether the index lost its documents (or had none yet) and must be fed from the table.
    pub needs_rebuild: bool,
}

/// A projection of the table of builds that answers search bodies.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Answers a search body; `null` and other empty bodies mean everything.
    ///
    /// # Errors
    /// See [`SearchError`]: the variants are the different shapes of the answer.
    async fn search(&self, body: &Value) -> Result<Value, SearchError>;

    /// Writes documents, replacing those of the same id. They are neither durable nor found before
    /// the next [`commit`](Self::commit).
    ///
    /// # Errors
    /// `Internal` or `Unavailable`; then none of them may be taken for written.
    async fn put(&self, documents: Vec<Document>) -> Result<(), SearchError>;

    /// Removes documents by id, from the next commit on. Unknown ids are fine.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`.
    async fn remove(&self, ids: Vec<i64>) -> Result<(), SearchError>;

    /// Makes everything written so far durable and found. Only after this may the caller note the
    /// rows as indexed.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`; then nothing since the commit before may be taken for written.
    async fn commit(&self) -> Result<(), SearchError>;

    /// Returns those of the ids that are durable, in the order given.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`.
    async fn contains(&self, ids: Vec<i64>) -> Result<Vec<i64>, SearchError>;

    /// Returns the highest durable id, `None` for an empty index.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`.
    async fn highest_id(&self) -> Result<Option<i64>, SearchError>;

    /// Removes all documents, durably.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`.
    async fn clear(&self) -> Result<(), SearchError>;

    /// Returns the state of the index.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    async fn health(&self) -> Result<Health, SearchError>;

    /// Notes that the caller has durably recorded the duty to feed all rows again, so that
    /// [`Health::needs_rebuild`] becomes false also after a restart.
    ///
    /// # Errors
    /// `Internal` or `Unavailable`.
    async fn rebuild_recorded(&self) -> Result<(), SearchError>;
}
