// SPDX-License-Identifier: MPL-2.0
//! Waiting for a fact instead of sleeping.

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// Pause between two looks: short against every deadline, long against a query.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks `probe` until it answers with a value, and returns that value.
///
/// ```
/// # use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut asked = 0;
/// let third = releng_testkit::poll::eventually(Duration::from_secs(10), || {
///     asked += 1;
///     let now = asked;
///     async move { (now == 3).then_some(now) }
/// });
/// assert_eq!(third.await, 3);
/// # });
/// ```
///
/// # Panics
/// When there is no value within `deadline`; the message names the line that waited.
#[track_caller]
pub fn eventually<T, P, F>(deadline: Duration, mut probe: P) -> impl Future<Output = T>
where
    P: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let waiting = Location::caller();
    async move {
        let start = Instant::now();
        loop {
            let remaining = deadline.saturating_sub(start.elapsed());
            if let Ok(Some(value)) = tokio::time::timeout(remaining.max(PAUSE), probe()).await {
                return value;
            }
            assert!(
                start.elapsed() < deadline,
                "not within {deadline:?} what {}:{} waits for",
                waiting.file(),
                waiting.line()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits for a future on this thread, which must not belong to an event loop: for closures that
/// are not async, such as those that make databases.
///
/// # Panics
/// Inside an event loop, and when the machine has no resources for one.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("no event loop for a test: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_value_ends_the_wait() {
        let mut answers = [None, None, Some("there"), Some("too late")].into_iter();
        let value = eventually(Duration::from_secs(60), || {
            std::future::ready(answers.next().flatten())
        });
        assert_eq!(value.await, "there");
        assert_eq!(answers.next(), Some(Some("too late")));
    }

    #[tokio::test]
    async fn a_fact_that_never_comes_fails_and_names_the_line() {
        let wait = tokio::spawn(async {
            eventually(Duration::from_millis(30), || async { None::<()> }).await;
        });
        let panic = wait.await.unwrap_err().into_panic();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.starts_with("not within 30ms what "), "{message}");
        assert!(message.contains("poll.rs:"), "{message}");
    }

    #[tokio::test]
    async fn a_probe_that_hangs_does_not_outlive_the_deadline() {
        let wait = tokio::spawn(async {
            eventually(
                Duration::from_millis(30),
                std::future::pending::<Option<()>>,
            )
            .await;
        });
        assert!(wait.await.unwrap_err().is_panic());
    }
}
