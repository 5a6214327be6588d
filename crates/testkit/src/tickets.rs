// SPDX-License-Identifier: MPL-2.0
//! Codes and tokens that a stand-in hands out: random, short-lived, and never more than a bound.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// More open sign-ins than any test run or demonstration has at a time.
const MAX_OPEN: usize = 1000;

/// A bounded set of tickets; the oldest gives way.
pub(crate) struct Tickets<T> {
    open: Mutex<VecDeque<Ticket<T>>>,
    lifetime: Duration,
}

struct Ticket<T> {
    id: String,
    value: T,
    issued: Instant,
}

impl<T: Clone> Tickets<T> {
    /// Creates a set whose tickets are good for `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            open: Mutex::new(VecDeque::new()),
            lifetime,
        }
    }

    /// Returns how long a ticket is good, in seconds.
    pub(crate) fn lifetime_secs(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Hands out a new ticket for `value`.
    pub(crate) fn issue(&self, value: T) -> String {
        let id = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.with_open(|open| {
            if open.len() >= MAX_OPEN {
                open.pop_front();
            }
            open.push_back(Ticket {
                id: id.clone(),
                value,
                issued: Instant::now(),
            });
        });
        id
    }

    /// Returns the value of a ticket that stays good.
    pub(crate) fn look_up(&self, id: &str) -> Option<T> {
        self.with_open(|open| open.iter().find(|t| t.id == id).map(|t| t.value.clone()))
    }

    /// Returns the value of a ticket and makes it worthless.
    pub(crate) fn redeem(&self, id: &str) -> Option<T> {
        self.with_open(|open| {
            let at = open.iter().position(|ticket| ticket.id == id)?;
            open.remove(at).map(|ticket| ticket.value)
        })
    }

    fn with_open<R>(&self, action: impl FnOnce(&mut VecDeque<Ticket<T>>) -> R) -> R {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|ticket| ticket.issued.elapsed() < self.lifetime);
        action(&mut open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_redeemed_once() {
        let tickets = Tickets::new(Duration::from_secs(600));
        let id = tickets.issue("ann");
        assert_eq!(tickets.look_up(&id), Some("ann"));
        assert_eq!(tickets.redeem(&id), Some("ann"));
        assert_eq!(tickets.redeem(&id), None);
        assert_eq!(tickets.redeem("made up"), None);
    }

    #[test]
    fn an_old_ticket_is_worthless() {
        let tickets = Tickets::new(Duration::ZERO);
        let id = tickets.issue("ann");
        assert_eq!(tickets.redeem(&id), None);
    }

    #[test]
    fn the_oldest_gives_way_when_there_are_too_many() {
        let tickets = Tickets::new(Duration::from_secs(600));
        let first = tickets.issue(0);
        let second = tickets.issue(1);
        for value in 2..=MAX_OPEN {
            tickets.issue(value);
        }
        assert_eq!(
            (tickets.look_up(&first), tickets.look_up(&second)),
            (None, Some(1))
        );
    }
}
