// SPDX-License-Identifier: MPL-2.0
//! Bodies that a handler did not read to their end. Clients such as curl and Python's send a body to
//! its end before they look at the answer, so somebody has to take it: the frame sends the answer
//! and goes on reading, within bounds, before the connection ends. Left to the server a chunked
//! body that was refused half way would stand still for ever.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that are taken after the answer unless a handler allows more.
const USUAL_BYTES: u64 = 64 << 20;
/// Longest pause of a client that is still sending.
const PAUSE: Duration = Duration::from_secs(10);

/// What a handler allows, left in the request.
struct Allowance(u64);

/// Lets clients of this request send so many bytes more after they were refused.
pub fn allow(request: &HttpRequest, bytes: u64) {
    request.extensions_mut().insert(Allowance(bytes));
}

/// The body of one request, shared with the handler that reads it.
#[derive(Clone)]
pub(super) struct Unread(Rc<RefCell<Body>>);

struct Body {
    payload: Payload,
    has_ended: bool,
}

impl Unread {
    /// Watches the body of a request; `None` when it has none.
    pub(super) fn watch(request: &mut ServiceRequest) -> Option<Self> {
        let payload = request.take_payload();
        if matches!(payload, Payload::None) {
            return None;
        }
        let body = Self(Rc::new(RefCell::new(Body {
            payload,
            has_ended: false,
        })));
        request.set_payload(Payload::Stream {
            payload: Box::pin(body.clone()),
        });
        Some(body)
    }

    /// Makes the answer take what the client still sends.
    pub(super) fn finish(mut self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        // Somebody who still holds the body reads it while the answer streams.
        if Rc::strong_count(&self.0) > 1 || self.is_at_end() {
            return response;
        }
        let allowance = response.request().extensions_mut().remove::<Allowance>();
        let left = allowance.map_or(USUAL_BYTES, |allowed| allowed.0);
        response.map_body(|_, answer| {
            BoxBody::new(Draining {
                answer: Some(answer),
                body: self,
                left,
                pause: Box::pin(sleep(PAUSE)),
            })
        })
    }

    /// Steps over what has arrived; returns whether that was all.
    fn is_at_end(&mut self) -> bool {
        while !self.0.borrow().has_ended {
            if self.next().now_or_never().is_none() {
                return false;
            }
        }
        true
    }
}

impl Stream for Unread {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        let polled = Pin::new(&mut body.payload).poll_next(cx);
        body.has_ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }
}

/// An answer, and behind it the rest of the request. As long as the rest is held the server knows
/// that the connection cannot be used again, and says so in the answer.
struct Draining {
    answer: Option<BoxBody>,
    body: Unread,
    left: u64,
    pause: Pin<Box<Sleep>>,
}

impl MessageBody for Draining {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer
            .as_ref()
            .map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if let Some(answer) = &mut this.answer {
            match Pin::new(answer).poll_next(cx) {
                Poll::Ready(None) => this.answer = None,
                polled => return polled,
            }
        }
        while let Poll::Ready(chunk) = this.body.poll_next_unpin(cx) {
            let Some(Ok(chunk)) = chunk else {
                return Poll::Ready(None);
            };
            let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            match this.left.checked_sub(size) {
                Some(left) => this.left = left,
                None => return Poll::Ready(None),
            }
            this.pause.as_mut().reset(Instant::now() + PAUSE);
        }
        this.pause.as_mut().poll(cx).map(|()| None)
    }
}
