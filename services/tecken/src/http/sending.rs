// SPDX-License-Identifier: MPL-2.0
//! An answer on its way to a client that may be slow: it takes memory until it is sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use crate::state::Room;

/// The body of an answer, and the memory it was given.
pub(super) struct Sending {
    left: VecDeque<Vec<u8>>,
    _room: Arc<Room>,
}

impl Sending {
    /// Takes an answer and the memory of its request.
    pub(super) fn new(answer: Vec<Vec<u8>>, room: Arc<Room>) -> Self {
        Self {
            left: answer.into(),
            _room: room,
        }
    }
}

impl MessageBody for Sending {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        let bytes: usize = self.left.iter().map(Vec::len).sum();
        BodySize::Sized(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        // Given the whole answer the connection would copy it to a buffer of its own and let go of this
        // one before a byte is sent.
        Poll::Ready(self.left.pop_front().map(|piece| Ok(piece.into())))
    }
}
