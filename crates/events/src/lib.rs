// SPDX-License-Identifier: MPL-2.0
//! Publishing of what happened to whoever listens. Delivery is the business of the backend; what is
//! published, and that it survives a crash until then, is the business of the service.

mod envelope;
mod event;
mod log;
mod memory;
pub mod pulse;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use releng_common::{Error, Result};

pub use crate::envelope::envelope;
pub use crate::event::Event;
pub use crate::log::LogPublisher;
pub use crate::memory::MemoryPublisher;

/// Publishes events. A call that answers `Ok` means that the backend has taken the event over; the
/// same event may reach listeners more than once, with the same `message_id`.
#[async_trait]
pub trait Publisher: fmt::Debug + Send + Sync {
    /// Publishes one event.
    async fn publish(&self, event: &Event) -> Result<()>;

    /// Asks the backend whether it works, for heartbeats.
    async fn check(&self) -> Result<()>;
}

/// A shared publisher.
pub type Handle = Arc<dyn Publisher>;

/// Opens the publisher that a URL names: `log:` writes one line per event.
pub fn open(url: &str) -> Result<Handle> {
    match url.split_once(':') {
        Some(("log", "")) => Ok(Arc::new(LogPublisher)),
        Some(("log", _)) => Err(Error::invalid(
            "EVENTS_URL: `log:` takes nothing after the colon",
        )),
        Some((scheme, _)) => Err(Error::invalid(format!(
            "EVENTS_URL: unknown scheme `{scheme}`; known schemes: log"
        ))),
        None => Err(Error::invalid("EVENTS_URL: no scheme; known schemes: log")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        open(url).unwrap_err().message().to_owned()
    }

    #[tokio::test]
    async fn the_log_publisher_opens_by_its_url_and_is_always_well() {
        let publisher = open("log:").unwrap();
        assert_eq!(format!("{publisher:?}"), "LogPublisher");
        publisher.check().await.unwrap();
    }

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        assert_eq!(
            refusal("amqps://demo:secret@localhost"),
            "EVENTS_URL: unknown scheme `amqps`; known schemes: log"
        );
        assert_eq!(refusal(""), "EVENTS_URL: no scheme; known schemes: log");
        assert_eq!(refusal("log"), "EVENTS_URL: no scheme; known schemes: log");
        assert_eq!(
            refusal("log:x"),
            "EVENTS_URL: `log:` takes nothing after the colon"
        );
    }
}
