// SPDX-License-Identifier: MPL-2.0
//! The consumer. Its clock stands still unless a test moves it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use releng_common::{Clock, Error, Result};
use releng_queue::{
    Depth, Done, Fate, Handle, Job, MemoryQueue, Message, Options, Queue as _, consume, suite,
};
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::databases::Database;
use crate::recorder::Recorder;

const DEADLINE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// Polls quickly, and gives no message up by itself.
fn quick() -> Options {
    Options {
        poll_interval: Duration::from_millis(5),
        drain: DEADLINE,
        ..Options::default()
    }
}

struct Bench {
    queue: Arc<Recorder>,
    clock: Clock,
    cancel: CancellationToken,
    consumer: Option<JoinHandle<Result<()>>>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::frozen(suite::start());
        let queue = MemoryQueue::new("demo", clock.clone(), suite::limits()).unwrap();
        let queue = Recorder::new(Arc::new(queue));
        Self {
            queue,
            clock,
            cancel: CancellationToken::new(),
            consumer: None,
        }
    }

    fn start<H, F>(mut self, options: Options, handler: H) -> Self
    where
        H: Fn(Message) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Done>> + Send + 'static,
    {
        let queue: Handle = self.queue.clone();
        let work = consume(queue, options, self.cancel.clone(), handler);
        self.consumer = Some(tokio::spawn(work));
        self
    }

    async fn send(&self, body: &str) {
        self.queue.send(Job::new(body)).await.unwrap();
    }

    async fn until(&self, expected: Depth) {
        eventually(DEADLINE, || async {
            (self.queue.depth().await.unwrap() == expected).then_some(())
        })
        .await;
    }

    async fn end(mut self) {
        self.cancel.cancel();
        self.consumer.take().unwrap().await.unwrap().unwrap();
    }
}

/// Returns what a handler tells next; a handler that is silent fails the test instead of holding it.
async fn next<T>(told: &mut UnboundedReceiver<T>) -> Option<T> {
    let next = tokio::time::timeout(DEADLINE, told.recv()).await;
    next.expect("the handler is silent")
}

/// Tells when it is dropped.
struct Guard(mpsc::UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

type Outcome = Pin<Box<dyn Future<Output = Result<Done>> + Send>>;

/// Returns a handler that never ends, and what it tells.
fn endless() -> (
    impl Fn(Message) -> Outcome + Send + Sync,
    UnboundedReceiver<&'static str>,
) {
    let (tell, told) = mpsc::unbounded_channel();
    let handler = move |_| -> Outcome {
        let guard = Guard(tell.clone());
        Box::pin(async move {
            guard.0.send("started").unwrap();
            std::future::pending::<()>().await;
            drop(guard);
            Ok(Done::Finished)
        })
    };
    (handler, told)
}

#[tokio::test]
async fn a_job_sent_in_this_process_needs_no_poll() {
    let options = Options {
        poll_interval: Duration::from_secs(86_400),
        ..quick()
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    let bench = Bench::new().start(options, move |message: Message| {
        tell.send(message.body).unwrap();
        async { Ok(Done::Finished) }
    });
    for body in ["a", "b", "c"] {
        bench.send(body).await;
        assert_eq!(next(&mut told).await.as_deref(), Some(body));
        bench.until(Depth::default()).await;
    }
    bench.end().await;
}

#[tokio::test]
async fn a_job_of_another_process_is_found_by_polling() {
    let database = Database::new(Backend::Sqlite);
    let clock = Clock::frozen(suite::start());
    let cancel = CancellationToken::new();
    let handler = |_| async { Ok(Done::Finished) };
    let queue = Arc::new(database.queue(&clock));
    let consumer = tokio::spawn(consume(queue, quick(), cancel.clone(), handler));
    let other = database.queue(&clock);
    other.send(Job::new("x")).await.unwrap();
    eventually(DEADLINE, || async {
        (other.depth().await.unwrap() == Depth::default()).then_some(())
    })
    .await;
    cancel.cancel();
    consumer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failing_job_is_tried_again_after_doubled_waits_until_it_is_dead() {
    let options = Options {
        backoff: Duration::from_secs(10),
        ..quick()
    };
    let bench = Bench::new().start(options, |message: Message| async move {
        let cause = std::io::Error::other("disk full");
        Err(Error::internal(format!("attempt {}", message.attempts)).with_source(cause))
    });
    bench.send("x").await;
    bench
        .until(Depth {
            delayed: 1,
            ..Depth::default()
        })
        .await;
    for wait in [10, 20] {
        bench
            .clock
            .advance(TimeDelta::seconds(wait) - TimeDelta::microseconds(1));
        let depth = bench.queue.depth().await.unwrap();
        assert_eq!(
            depth,
            Depth {
                delayed: 1,
                ..Depth::default()
            }
        );
        bench.clock.advance(TimeDelta::microseconds(1));
        eventually(DEADLINE, || async {
            let depth = bench.queue.depth().await.unwrap();
            (depth.ready + depth.in_flight == 0).then_some(())
        })
        .await;
    }
    bench
        .until(Depth {
            dead: 1,
            ..Depth::default()
        })
        .await;
    let letter = bench.queue.dead_letters(1).await.unwrap().remove(0);
    assert_eq!(
        (letter.attempts, letter.last_error.as_str()),
        (3, "attempt 3: disk full")
    );
    bench.end().await;
}

#[tokio::test]
async fn a_panicking_handler_fails_its_job_and_no_other() {
    let options = Options {
        backoff: Duration::ZERO,
        ..quick()
    };
    let bench = Bench::new().start(options, |message: Message| async move {
        assert!(message.body == "good", "boom {}", message.attempts);
        Ok(Done::Finished)
    });
    bench.send("bad").await;
    bench.send("good").await;
    bench
        .until(Depth {
            dead: 1,
            ..Depth::default()
        })
        .await;
    let letter = bench.queue.dead_letters(1).await.unwrap().remove(0);
    assert_eq!(letter.body, "bad");
    assert_eq!(letter.last_error, "the handler panicked: boom 3");
    bench.end().await;
}

#[tokio::test]
async fn a_handler_over_its_time_limit_is_dropped_and_has_failed() {
    let (handler, mut told) = endless();
    let options = Options {
        time_limit: Duration::from_millis(20),
        backoff: Duration::ZERO,
        concurrency: 1,
        ..quick()
    };
    let bench = Bench::new().start(options, handler);
    bench.send("x").await;
    for _ in 0..3 {
        assert_eq!(next(&mut told).await, Some("started"));
        assert_eq!(next(&mut told).await, Some("dropped"));
    }
    bench
        .until(Depth {
            dead: 1,
            ..Depth::default()
        })
        .await;
    let letter = bench.queue.dead_letters(1).await.unwrap().remove(0);
    assert_eq!(letter.last_error, "the handler did not end within 20ms");
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_comes_too_early_is_given_back_without_counting() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let bench = Bench::new().start(quick(), move |message: Message| {
        tell.send(message.attempts).unwrap();
        async { Ok(Done::Later(Duration::from_secs(60))) }
    });
    bench.send("x").await;
    for _ in 0..5 {
        assert_eq!(next(&mut told).await, Some(1));
        bench
            .until(Depth {
                delayed: 1,
                ..Depth::default()
            })
            .await;
        bench.clock.advance(TimeDelta::seconds(60));
    }
    bench.end().await;
}

#[tokio::test]
async fn a_message_stays_hidden_while_its_handler_runs() {
    let (handler, mut told) = endless();
    // The period of the extension is real time, the time-out moves with the frozen clock.
    let options = Options {
        visibility: Duration::from_millis(30),
        concurrency: 1,
        drain: Duration::ZERO,
        ..quick()
    };
    let bench = Bench::new().start(options, handler);
    bench.send("x").await;
    assert_eq!(next(&mut told).await, Some("started"));
    for _ in 0..5 {
        let before = bench.queue.extensions.load(Ordering::SeqCst);
        bench.clock.advance(TimeDelta::milliseconds(20));
        eventually(DEADLINE, || async {
            (bench.queue.extensions.load(Ordering::SeqCst) > before + 1).then_some(())
        })
        .await;
        assert_eq!(bench.queue.receive(1, MINUTE).await.unwrap(), []);
    }
    bench.end().await;
}

#[tokio::test]
async fn a_handler_whose_message_another_took_is_dropped() {
    let (handler, mut told) = endless();
    let options = Options {
        visibility: Duration::from_millis(30),
        concurrency: 1,
        ..quick()
    };
    let bench = Bench::new().start(options, handler);
    bench.send("x").await;
    assert_eq!(next(&mut told).await, Some("started"));
    let rival = eventually(DEADLINE, || async {
        // A step that an extension cannot outrun, as when the machine slept.
        bench.clock.advance(TimeDelta::hours(1));
        bench.queue.receive(1, 60 * MINUTE).await.unwrap().pop()
    })
    .await;
    assert_eq!(next(&mut told).await, Some("dropped"));
    assert!(bench.queue.delete(&rival.receipt).await.unwrap());
    bench.end().await;
}

#[tokio::test]
async fn no_more_handlers_run_at_once_than_allowed() {
    let running = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::new().start(quick(), {
        let (running, most, gate) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&gate));
        move |_| {
            let (running, most, gate) =
                (Arc::clone(&running), Arc::clone(&most), Arc::clone(&gate));
            async move {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(Done::Finished)
            }
        }
    });
    for number in 0..6 {
        bench.send(&number.to_string()).await;
    }
    bench
        .until(Depth {
            ready: 4,
            in_flight: 2,
            ..Depth::default()
        })
        .await;
    for left in (0..4).rev() {
        gate.add_permits(1);
        bench
            .until(Depth {
                ready: left,
                in_flight: 2,
                ..Depth::default()
            })
            .await;
    }
    gate.add_permits(2);
    bench.until(Depth::default()).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    bench.end().await;
}

#[tokio::test]
async fn cancellation_takes_nothing_more_and_lets_running_handlers_end() {
    let gate = Arc::new(Semaphore::new(0));
    let options = Options {
        concurrency: 1,
        ..quick()
    };
    let bench = Bench::new().start(options, {
        let gate = Arc::clone(&gate);
        move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(Done::Finished)
            }
        }
    });
    bench.send("running").await;
    bench.send("waiting").await;
    bench
        .until(Depth {
            ready: 1,
            in_flight: 1,
            ..Depth::default()
        })
        .await;
    bench.cancel.cancel();
    gate.add_permits(2);
    let queue = Arc::clone(&bench.queue);
    bench.end().await;
    assert_eq!(
        queue.depth().await.unwrap(),
        Depth {
            ready: 1,
            ..Depth::default()
        }
    );
    assert_eq!(
        queue.receive(1, MINUTE).await.unwrap().remove(0).body,
        "waiting"
    );
}

#[tokio::test]
async fn what_does_not_end_in_time_is_given_back_at_once_and_does_not_count() {
    let (handler, mut told) = endless();
    let options = Options {
        drain: Duration::from_millis(20),
        ..quick()
    };
    let bench = Bench::new().start(options, handler);
    bench.send("x").await;
    assert_eq!(next(&mut told).await, Some("started"));
    let queue = Arc::clone(&bench.queue);
    bench.end().await;
    assert_eq!(next(&mut told).await, Some("dropped"));
    assert_eq!(
        queue.receive(1, MINUTE).await.unwrap().remove(0).attempts,
        1
    );
}

#[tokio::test]
async fn a_consumer_that_is_killed_leaves_its_messages_to_their_time_out() {
    let (handler, mut told) = endless();
    let mut bench = Bench::new().start(quick(), handler);
    bench.send("x").await;
    assert_eq!(next(&mut told).await, Some("started"));
    let consumer = bench.consumer.take().unwrap();
    consumer.abort();
    assert!(consumer.await.unwrap_err().is_cancelled());
    assert_eq!(next(&mut told).await, Some("dropped"));
    assert_eq!(bench.queue.receive(1, MINUTE).await.unwrap(), []);
    bench.clock.advance(TimeDelta::seconds(60));
    let message = bench.queue.receive(1, MINUTE).await.unwrap().remove(0);
    assert_eq!((message.body.as_str(), message.attempts), ("x", 2));
    let fate = bench
        .queue
        .fail(&message.receipt, Duration::ZERO, "demo")
        .await
        .unwrap();
    assert_eq!(fate, Fate::Waiting);
}

#[tokio::test]
async fn faults_of_the_queue_are_survived() {
    let runs = Arc::new(AtomicU32::new(0));
    let bench = Bench::new();
    bench.queue.failing_receives.store(3, Ordering::SeqCst);
    bench.queue.failing_deletes.store(2, Ordering::SeqCst);
    let bench = bench.start(quick(), {
        let runs = Arc::clone(&runs);
        move |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            async { Ok(Done::Finished) }
        }
    });
    bench.send("x").await;
    bench.until(Depth::default()).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    bench.end().await;
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let queue: Handle = Bench::new().queue;
    let options = Options {
        concurrency: 0,
        ..Options::default()
    };
    let handler = |_| async { Ok(Done::Finished) };
    let error = consume(queue, options, CancellationToken::new(), handler)
        .await
        .unwrap_err();
    assert_eq!(error.message(), "concurrency: must be between 1 and 1000");
}
