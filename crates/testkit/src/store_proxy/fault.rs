// SPDX-License-Identifier: MPL-2.0
//! What may happen to a request on its way.

use std::time::Duration;

/// One kind of spoiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it passes.
    None,
    /// It is answered with this status and an S3 error, and never gets to the server.
    Status(u16),
    /// It is never answered.
    Hang,
    /// It passes after this time.
    Slow(Duration),
    /// Its answer is held back, whole, until the next [`heal`](super::StoreProxy::heal).
    Hold,
    /// The connection ends after so many bytes of the body of the answer.
    CutAfter(usize),
    /// Nothing more comes after so many bytes of the body of the answer.
    StallAfter(usize),
    /// The body of the answer comes a byte at a time, with so long a pause before each.
    Dribble(Duration),
    /// The first byte of the body of the answer is another one.
    WrongByte,
    /// The answer says that it has a byte less than it has, and has.
    Short,
}
