// SPDX-License-Identifier: MPL-2.0
//! Publisher for tests: collects what was published and can play a broker that is down.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use releng_common::{Error, Result};

use crate::{Event, Publisher};

/// Most events that are kept. A test that publishes more without taking them has gone astray.
const MAX_EVENTS: usize = 10_000;

/// Keeps events until they are taken.
#[derive(Debug, Default)]
pub struct MemoryPublisher(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    is_down: bool,
}

impl MemoryPublisher {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the events so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Returns the events so far, oldest first, and forgets them.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().events)
    }

    /// Makes every call fail as if the broker were away, or ends that.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics between two changes that belong together, so a poisoned state is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn require_up(&self) -> Result<()> {
        if self.is_down {
            return Err(Error::unavailable("the event broker does not answer"));
        }
        Ok(())
    }
}

#[async_trait]
impl Publisher for MemoryPublisher {
    async fn publish(&self, event: &Event) -> Result<()> {
        let mut state = self.state();
        state.require_up()?;
        if state.events.len() >= MAX_EVENTS {
            return Err(Error::unavailable(format!(
                "more than {MAX_EVENTS} events were not taken"
            )));
        }
        state.events.push(event.clone());
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        self.state().require_up()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use releng_common::Kind;
    use serde_json::json;

    use super::*;

    fn event(message_id: &str) -> Event {
        Event {
            exchange: "exchange/demo/treestatus".to_owned(),
            routing_key: "tree.demo-central".to_owned(),
            payload: json!({"status": "open"}),
            message_id: message_id.to_owned(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn events_are_kept_in_order_until_taken() {
        let publisher = MemoryPublisher::new();
        publisher.publish(&event("demo-1")).await.unwrap();
        publisher.publish(&event("demo-2")).await.unwrap();
        assert_eq!(publisher.events(), [event("demo-1"), event("demo-2")]);
        assert_eq!(publisher.take(), [event("demo-1"), event("demo-2")]);
        assert_eq!(publisher.events(), []);
    }

    #[tokio::test]
    async fn while_down_nothing_is_published_and_the_check_fails() {
        let publisher = MemoryPublisher::new();
        publisher.set_down(true);
        let error = publisher.publish(&event("demo-1")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.message(), "the event broker does not answer");
        assert_eq!(
            publisher.check().await.unwrap_err().kind(),
            Kind::Unavailable
        );
        assert_eq!(publisher.events(), []);

        publisher.set_down(false);
        publisher.check().await.unwrap();
        publisher.publish(&event("demo-1")).await.unwrap();
        assert_eq!(publisher.events(), [event("demo-1")]);
    }

    #[tokio::test]
    async fn a_flood_that_nobody_takes_is_refused() {
        let publisher = MemoryPublisher::new();
        for _ in 0..10_000 {
            publisher.publish(&event("demo-1")).await.unwrap();
        }
        let error = publisher.publish(&event("demo-1")).await.unwrap_err();
        assert_eq!(error.message(), "more than 10000 events were not taken");
        assert_eq!(publisher.events().len(), 10_000);
    }
}
