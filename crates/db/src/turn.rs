// SPDX-License-Identifier: MPL-2.0
//! Letting everything else that is ready on a thread go first. Tokio's `yield_now` is over as soon as
//! it is polled again, and a future that several callers share is polled by each of them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Is over when the scheduler comes round to it again, however often it is polled before.
#[derive(Default)]
pub(crate) struct Turn {
    bell: Option<Arc<Bell>>,
}

#[derive(Default)]
struct Bell {
    has_rung: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.has_rung.store(true, Ordering::SeqCst);
        if let Some(waker) = self.waiting().take() {
            waker.wake();
        }
    }
}

impl Bell {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(bell) = &self.bell else {
            let bell = Arc::new(Bell::default());
            *bell.waiting() = Some(cx.waker().clone());
            let ringing = Waker::from(Arc::clone(&bell));
            self.bell = Some(bell);
            let yielded = std::pin::pin!(tokio::task::yield_now());
            return yielded.poll(&mut Context::from_waker(&ringing));
        };
        *bell.waiting() = Some(cx.waker().clone());
        // Asked after the waker is in its place: it may ring in between.
        if bell.has_rung.load(Ordering::SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::sync::atomic::AtomicUsize;

    #[tokio::test]
    async fn a_shared_turn_waits_for_all_that_is_ready() {
        let joined = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&joined);
        let turn = async move {
            Turn::default().await;
            seen.load(Ordering::SeqCst)
        };
        let turn = turn.boxed_local().shared();
        let tasks = tokio::task::LocalSet::new();
        let answers = tasks.run_until(async {
            let ask = |_| {
                let (turn, joined) = (turn.clone(), Arc::clone(&joined));
                tokio::task::spawn_local(async move {
                    joined.fetch_add(1, Ordering::SeqCst);
                    turn.await
                })
            };
            let asking: Vec<_> = (0..10).map(ask).collect();
            futures_util::future::join_all(asking).await
        });
        for answer in answers.await {
            assert_eq!(answer.unwrap(), 10);
        }
    }
}
