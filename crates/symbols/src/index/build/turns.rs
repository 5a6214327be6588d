// SPDX-License-Identifier: MPL-2.0
//! Threads that take turns in the order of their work.

use std::sync::{Condvar, Mutex, PoisonError};

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Nobody's any more once it is nothing.
    next: Mutex<Next>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Next {
    number: u64,
    is_over: bool,
}

/// The right to work; gives way to the next number.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits until the number's turn comes; nothing when a thread stopped before it was done.
    pub(crate) fn wait(&self, number: u64) -> Option<Turn<'_>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while next.number != number && !next.is_over {
            next = self
                .moved
                .wait(next)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (!next.is_over).then_some(Turn(self))
    }

    /// Returns a guard that ends the turns of both when it is dropped, but for [`Stop::not`].
    pub(crate) fn stop_others<'a>(&'a self, also: &'a Turns) -> Stop<'a> {
        Stop {
            turns: [self, also],
            is_done: false,
        }
    }

    fn update(&self, change: impl FnOnce(&mut Next)) {
        change(&mut self.next.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

impl Turn<'_> {
    pub(crate) fn pass(self) {
        self.0.update(|next| next.number += 1);
    }
}

/// Stops the threads that would wait for one which failed, by an error or a panic.
pub(crate) struct Stop<'a> {
    turns: [&'a Turns; 2],
    is_done: bool,
}

impl Stop<'_> {
    /// The thread is done.
    pub(crate) fn not(mut self) {
        self.is_done = true;
    }
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.turns
                .iter()
                .for_each(|turns| turns.update(|next| next.is_over = true));
        }
    }
}
