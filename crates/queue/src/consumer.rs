// SPDX-License-Identifier: MPL-2.0
//! The loop that takes messages and runs a handler for each.

mod attempt;
mod options;

use std::sync::Arc;
use std::time::Duration;

use releng_common::Result;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metric::{MetricName, count};
use crate::{Handle, MAX_BATCH, Message};

pub use options::Options;

/// How a handler that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The work is done: the message goes.
    Finished,
    /// It is too early: the message comes again after this time, and the attempt does not count.
    Later(Duration),
}

/// Runs `handler` for each message until `cancel`, then waits for the running handlers. Its owner
/// awaits it to the end; when it is dropped instead, the messages become visible by their time-out.
///
/// A handler that fails, panics or exceeds its time limit is tried again with exponential back-off,
/// up to the limit of the queue. A fault of the queue is logged and the loop goes on.
///
/// # Errors
/// `InvalidInput` for options that cannot work.
pub async fn consume<H, F>(
    queue: Handle,
    options: Options,
    cancel: CancellationToken,
    handler: H,
) -> Result<()>
where
    H: Fn(Message) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Done>> + Send + 'static,
{
    options.check()?;
    let mut consumer = Consumer {
        queue,
        options,
        handler: Arc::new(handler),
        running: JoinSet::new(),
        give_up: CancellationToken::new(),
        is_faulty: false,
    };
    while !cancel.is_cancelled() {
        let is_worth_another_look = consumer.take().await;
        if !is_worth_another_look {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = consumer.pause() => {}
            }
        }
    }
    consumer.drain().await;
    Ok(())
}

struct Consumer<H> {
    queue: Handle,
    options: Options,
    handler: Arc<H>,
    running: JoinSet<()>,
    /// Makes running attempts drop their handlers.
    give_up: CancellationToken,
    /// The last look failed. One line per outage is enough.
    is_faulty: bool,
}

impl<H, F> Consumer<H>
where
    H: Fn(Message) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Done>> + Send + 'static,
{
    /// Takes as many messages as there are free handlers. Returns whether there may be more at once.
    async fn take(&mut self) -> bool {
        while self.running.try_join_next().is_some() {}
        let free = self.free().min(MAX_BATCH);
        if free == 0 {
            return false;
        }
        match self.queue.receive(free, self.options.visibility).await {
            Ok(messages) => {
                self.is_faulty = false;
                let is_full_batch = messages.len() == free;
                for message in messages {
                    self.start(message);
                }
                is_full_batch
            }
            Err(error) => {
                self.note_fault(&error);
                false
            }
        }
    }

    fn free(&self) -> usize {
        self.options.concurrency.saturating_sub(self.running.len())
    }

    fn start(&mut self, message: Message) {
        let attempt = attempt::Attempt {
            queue: Arc::clone(&self.queue),
            options: self.options,
            give_up: self.give_up.clone(),
            message,
        };
        let handler = Arc::clone(&self.handler);
        self.running.spawn(attempt.run(handler));
    }

    fn note_fault(&mut self, error: &releng_common::Error) {
        let queue = self.queue.name();
        count(MetricName::Faults, queue, 1);
        if !self.is_faulty {
            tracing::warn!(queue.name = queue, error = %error.chain(), "queue {queue} cannot be read");
        }
        self.is_faulty = true;
    }

    /// Waits for a reason to look again: a handler ended, a job was sent, or the interval is over.
    async fn pause(&mut self) {
        let is_free = self.free() > 0;
        tokio::select! {
            Some(_) = self.running.join_next() => {}
            () = self.queue.arrivals().notified(), if is_free => {}
            () = tokio::time::sleep(self.options.poll_interval), if is_free => {}
        }
    }

    /// Lets the running handlers end, for a while.
    async fn drain(&mut self) {
        let in_time = tokio::time::timeout(self.options.drain, async {
            while self.running.join_next().await.is_some() {}
        });
        if in_time.await.is_err() {
            self.give_up.cancel();
            while self.running.join_next().await.is_some() {}
        }
    }
}
