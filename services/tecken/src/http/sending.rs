// SPDX-License-Identifier: MPL-2.0
//! An answer on its way to a client that may be slow: it takes memory until it is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use crate::state::Room;

/// Bytes that go to the connection at a time. Given the whole answer it would copy that to a buffer
/// of its own and let go of this one before a byte is sent.
const PIECE_BYTES: usize = 64 << 10;

/// The body of an answer, and the memory it was given.
pub(super) struct Sending {
    left: Bytes,
    _room: Arc<Room>,
}

impl Sending {
    /// Takes an answer and the memory of its request.
    pub(super) fn new(answer: Vec<u8>, room: Arc<Room>) -> Self {
        Self {
            left: answer.into(),
            _room: room,
        }
    }
}

impl MessageBody for Sending {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.left.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.left.split_to(length))))
    }
}
