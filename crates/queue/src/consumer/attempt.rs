// SPDX-License-Identifier: MPL-2.0
//! One run of a handler for one message, and what becomes of the message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use releng_common::{Error, Result};
use tokio::time::{MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Done, Options};
use crate::metric::{MetricName, count};
use crate::{Fate, Handle, Message};

/// How often the end of an attempt is reported to a queue that does not answer. Beyond that the
/// message comes again, which its handler must bear anyway.
const REPORTS: u32 = 5;

/// Wait after the first report that failed; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Attempt {
    pub queue: Handle,
    pub options: Options,
    pub give_up: CancellationToken,
    pub message: Message,
}

/// How an attempt ended.
enum End {
    Done(Done),
    Failed(String),
    /// Another consumer has the message.
    Lost,
    /// The consumer ends.
    GivenUp,
}

impl Attempt {
    pub(super) async fn run<H, F>(self, handler: Arc<H>)
    where
        H: Fn(Message) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Done>> + Send + 'static,
    {
        let _running = Running::begin(self.queue.name());
        let message = self.message.clone();
        // In a task of its own: a handler that panics or holds its thread does not stop the extension.
        let work = tokio::spawn(async move { handler(message).await });
        let end = self.watch(AbortOnDropHandle::new(work)).await;
        self.report(&end).await;
    }

    /// Waits for the handler, extending the message meanwhile. Whatever else ends the wait drops the
    /// handler.
    async fn watch(&self, work: AbortOnDropHandle<Result<Done>>) -> End {
        let limit = self.options.time_limit;
        tokio::select! {
            finished = timeout(limit, work) => match finished {
                Ok(Ok(Ok(done))) => End::Done(done),
                Ok(Ok(Err(error))) => End::Failed(error.chain()),
                Ok(Err(error)) => End::Failed(panic_text(error)),
                Err(_) => End::Failed(format!("the handler did not end within {limit:?}")),
            },
            () = self.keep_hidden() => End::Lost,
            () = self.give_up.cancelled() => End::GivenUp,
        }
    }

    /// Extends the message three times per visibility time-out, until it is not ours any more. A
    /// fault of the queue leaves two more tries.
    async fn keep_hidden(&self) {
        let visibility = self.options.visibility;
        let period = (visibility / 3).max(Duration::from_millis(1));
        let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.queue.extend(&self.message.receipt, visibility).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.note_fault(&error, "extended"),
            }
        }
    }

    async fn report(&self, end: &End) {
        let mut pause = FIRST_PAUSE;
        for report in 1..=REPORTS {
            match self.settle(end).await {
                Ok(()) => return,
                Err(error) => self.note_fault(&error, "given back"),
            }
            if report < REPORTS {
                sleep(pause).await;
                pause *= 2;
            }
        }
    }

    async fn settle(&self, end: &End) -> Result<()> {
        let receipt = &self.message.receipt;
        let is_ours = match end {
            End::Done(Done::Finished) => self.queue.delete(receipt).await?,
            End::Done(Done::Later(delay)) => self.queue.release(receipt, *delay).await?,
            End::GivenUp => self.queue.release(receipt, Duration::ZERO).await?,
            End::Lost => false,
            End::Failed(text) => return self.settle_failed(text).await,
        };
        match end {
            _ if !is_ours => self.note_lost(),
            End::Done(_) => count(MetricName::Done, self.queue.name(), 1),
            End::GivenUp | End::Lost | End::Failed(_) => {}
        }
        Ok(())
    }

    async fn settle_failed(&self, text: &str) -> Result<()> {
        let (
            queue,
            Message {
                id,
                receipt,
                attempts,
                ..
            },
        ) = (self.queue.name(), &self.message);
        let delay = self.options.backoff(*attempts);
        let fate = self.queue.fail(receipt, delay, text).await?;
        count(MetricName::Failed, queue, 1);
        match fate {
            Fate::Waiting => tracing::warn!(
                queue.name = queue,
                job.id = id,
                job.attempts = attempts,
                error = text,
                "job {id} of queue {queue} failed, next attempt in {delay:?}"
            ),
            Fate::Dead => tracing::error!(
                queue.name = queue,
                job.id = id,
                job.attempts = attempts,
                error = text,
                "job {id} of queue {queue} failed for the last time and is a dead letter"
            ),
            Fate::NotOurs => self.note_lost(),
        }
        Ok(())
    }

    fn note_lost(&self) {
        let (queue, id) = (self.queue.name(), &self.message.id);
        count(MetricName::Lost, queue, 1);
        tracing::warn!(
            queue.name = queue,
            job.id = id,
            "job {id} of queue {queue} was taken by another consumer meanwhile"
        );
    }

    fn note_fault(&self, error: &Error, what: &str) {
        let (queue, id) = (self.queue.name(), &self.message.id);
        count(MetricName::Faults, queue, 1);
        tracing::warn!(
            queue.name = queue, job.id = id, error = %error.chain(),
            "job {id} of queue {queue} cannot be {what}"
        );
    }
}

/// Returns what a panic said.
fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "the handler was aborted".to_owned();
    };
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("the handler panicked: {text}")
}

/// Counts a running handler, for as long as it lives, and its time.
struct Running {
    started: Instant,
    queue: String,
}

impl Running {
    fn begin(queue: &str) -> Self {
        metrics::gauge!(MetricName::Running.as_str(), "queue" => queue.to_owned()).increment(1);
        Self {
            started: Instant::now(),
            queue: queue.to_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let queue = self.queue.clone();
        metrics::gauge!(MetricName::Running.as_str(), "queue" => queue.clone()).decrement(1);
        metrics::histogram!(MetricName::Run.as_str(), "queue" => queue)
            .record(self.started.elapsed().as_secs_f64() * 1000.0);
    }
}
