// SPDX-License-Identifier: MPL-2.0
//! A queue that fails as told and counts, in front of another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use releng_common::{Error, Result};
use releng_queue::{DeadLetter, Depth, Fate, Handle, Job, Message, Queue, Receipt, Sent};
use tokio::sync::Notify;

#[derive(Debug)]
pub struct Recorder {
    inner: Handle,
    /// How many of the next calls fail.
    pub failing_receives: AtomicU32,
    pub failing_deletes: AtomicU32,
    /// How many extensions succeeded.
    pub extensions: AtomicU32,
}

impl Recorder {
    pub fn new(inner: Handle) -> Arc<Self> {
        Arc::new(Self {
            inner,
            failing_receives: AtomicU32::new(0),
            failing_deletes: AtomicU32::new(0),
            extensions: AtomicU32::new(0),
        })
    }
}

fn fault(left: &AtomicU32) -> Result<()> {
    let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    match taken {
        Ok(_) => Err(Error::unavailable("the database does not answer")),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl Queue for Recorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn arrivals(&self) -> &Notify {
        self.inner.arrivals()
    }

    async fn send(&self, job: Job) -> Result<Sent> {
        self.inner.send(job).await
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Message>> {
        fault(&self.failing_receives)?;
        self.inner.receive(max, visibility).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<bool> {
        fault(&self.failing_deletes)?;
        self.inner.delete(receipt).await
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<bool> {
        let is_ours = self.inner.extend(receipt, visibility).await?;
        self.extensions
            .fetch_add(u32::from(is_ours), Ordering::SeqCst);
        Ok(is_ours)
    }

    async fn release(&self, receipt: &Receipt, delay: Duration) -> Result<bool> {
        self.inner.release(receipt, delay).await
    }

    async fn fail(&self, receipt: &Receipt, delay: Duration, error: &str) -> Result<Fate> {
        self.inner.fail(receipt, delay, error).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        self.inner.dead_letters(limit).await
    }

    async fn redrive(&self, id: &str) -> Result<bool> {
        self.inner.redrive(id).await
    }

    async fn discard(&self, id: &str) -> Result<bool> {
        self.inner.discard(id).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.inner.depth().await
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }
}
