// SPDX-License-Identifier: MPL-2.0
//! Counts the requests that are being answered, so that a stop waits for these and not for idle
//! connections, which clients keep open for minutes, and tells them that a stop has begun.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio_util::sync::CancellationToken;

/// The requests of one server.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    running: AtomicUsize,
    is_draining: AtomicBool,
    draining: CancellationToken,
}

/// One request, until it is dropped.
#[derive(Debug)]
pub struct Guard(Arc<Counters>);

impl InFlight {
    /// Counts a request in.
    pub fn enter(&self) -> Guard {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Guard(Arc::clone(&self.0))
    }

    /// Returns how many requests are being answered.
    pub fn count(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// From now on every answer ends its connection, so that clients go elsewhere.
    pub fn start_draining(&self) {
        self.0.is_draining.store(true, Ordering::SeqCst);
        self.0.draining.cancel();
    }

    /// Returns whether the server is about to stop: answers without end must find one.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// Returns when the server is about to stop, for answers without end that wait for something else.
    pub async fn draining(&self) {
        self.0.draining.cancelled().await;
    }
}

impl Guard {
    /// Returns whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps the guard as long as a body streams. A body that is in memory is as good as sent.
pub(super) fn guard_body(body: BoxBody, guard: Guard) -> BoxBody {
    match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => match body.size() {
            BodySize::None => body,
            BodySize::Sized(_) | BodySize::Stream => BoxBody::new(Guarded {
                body,
                _guard: guard,
            }),
        },
    }
}

struct Guarded {
    body: BoxBody,
    _guard: Guard,
}

impl MessageBody for Guarded {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_hear_of_the_stop_and_so_do_those_who_come_late() {
        let in_flight = InFlight::default();
        let early = in_flight.clone();
        let early = tokio::spawn(async move { early.draining().await });
        tokio::task::yield_now().await;
        assert!(!early.is_finished() && !in_flight.is_draining());
        in_flight.start_draining();
        early.await.unwrap();
        in_flight.draining().await;
        assert!(in_flight.is_draining());
    }
}
