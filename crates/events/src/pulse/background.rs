// SPDX-License-Identifier: MPL-2.0
//! Publishing apart from whoever has something to tell: a request never waits for the broker. What
//! does not get through is lost, with a line in the log: for events that must arrive, a service keeps
//! them in its database and calls [`crate::Publisher::publish`] until that succeeds.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Publisher;
use crate::{Event, Publisher as _};

/// Events that may wait. More come only while the broker is away, and each is small.
const CAPACITY: usize = 1000;

/// Where events are left.
#[derive(Clone, Debug)]
pub struct Background {
    events: mpsc::Sender<Event>,
    waiting: Arc<Mutex<Option<mpsc::Receiver<Event>>>>,
    publisher: Arc<Publisher>,
}

/// Prepares publishing in the background; [`Background::run`] does it.
pub fn background(publisher: Publisher) -> Background {
    let (events, waiting) = mpsc::channel(CAPACITY);
    Background {
        events,
        waiting: Arc::new(Mutex::new(Some(waiting))),
        publisher: Arc::new(publisher),
    }
}

impl Background {
    /// Leaves an event to be published. When too many wait it is dropped, which the log says.
    pub fn offer(&self, event: Event) {
        if let Err(error) = self.events.try_send(event) {
            tracing::warn!(%error, "an event is not published: too many wait");
        }
    }

    /// Asks the broker whether it works, for heartbeats.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn check(&self) -> releng_common::Result<()> {
        self.publisher.check().await
    }

    /// Publishes what is offered until `cancel`, then what still waits, and says goodbye. Only the first
    /// call does anything.
    pub async fn run(&self, cancel: CancellationToken) {
        let waiting = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut waiting) = waiting else { return };
        loop {
            tokio::select! {
                biased;
                event = waiting.recv() => match event {
                    Some(event) => self.publish(&event).await,
                    None => break,
                },
                () = cancel.cancelled() => break,
            }
        }
        self.publisher.close().await;
    }

    async fn publish(&self, event: &Event) {
        // Twice: the first failure may be that of a connection which has gone stale.
        for is_last in [false, true] {
            match self.publisher.publish(event).await {
                Ok(()) => return,
                Err(error) if is_last => tracing::warn!(
                    event.exchange = event.exchange,
                    event.message_id = event.message_id,
                    error = error.chain(),
                    "an event is not published"
                ),
                Err(_) => {}
            }
        }
    }
}
