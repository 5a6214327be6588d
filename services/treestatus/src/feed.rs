// SPDX-License-Identifier: MPL-2.0
//! Those who listen to the change feed at this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use releng_common::{Error, Result};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::board::Answer;
use crate::domain::{Cursor, FeedEvent};

/// Events that a listener may be behind before it has to read them again from the database.
const BACKLOG: usize = 1024;

/// An event on its way to all who listen, and what they are sent: rendered once, not by each of them.
#[derive(Debug)]
pub struct Told {
    /// The event.
    pub event: FeedEvent,
    /// How it looks in a stream.
    pub text: Answer,
}

impl Told {
    /// Begins to tell an event.
    pub fn new(event: FeedEvent) -> Self {
        Self {
            event,
            text: Answer::default(),
        }
    }
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum News {
    /// The next event.
    Event(Arc<Told>),
    /// The database is another one, in which the feed has come to here: the trees are to be read again.
    Reset(Cursor),
    /// Events may be in the database that were not handed on.
    LookYourself,
    /// The database does not answer: nobody knows what happens meanwhile.
    Stale,
    /// It answers again, and what happened meanwhile follows.
    Fresh,
}

/// Where listeners of this process are served from.
#[derive(Debug)]
pub struct Feed {
    live: Sender<News>,
    places: Arc<Semaphore>,
    served: AtomicUsize,
}

/// A place in the feed, given back when it is dropped.
#[derive(Debug)]
pub struct Listener {
    /// What happens from now on.
    pub live: Receiver<News>,
    /// How many there were before it: what all do from time to time they need not do at once.
    pub number: usize,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// Creates a feed for so many listeners at once.
    pub fn new(listeners: usize) -> Self {
        Self {
            live: broadcast::channel(BACKLOG).0,
            places: Arc::new(Semaphore::new(listeners)),
            served: AtomicUsize::new(0),
        }
    }

    /// Tells everybody who listens now.
    pub fn tell(&self, news: News) {
        // Nobody listening is no failure.
        let _ = self.live.send(news);
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `Unavailable` when all are taken.
    pub fn listen(&self) -> Result<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::unavailable("too many event streams are open"))?;
        Ok(Listener {
            live: self.live.subscribe(),
            number: self.served.fetch_add(1, Ordering::Relaxed),
            _place: place,
        })
    }
}
