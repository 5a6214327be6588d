// SPDX-License-Identifier: MPL-2.0
//! Publishing with the broker's word that it has the message.

use std::fmt;

use async_trait::async_trait;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use releng_common::{Error, Result};
use tokio::sync::Mutex;

use super::Broker;
use super::link::Link;
use crate::{Event, envelope};

/// Messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// Publishes to topic exchanges, over one connection that is made when it is needed and made anew
/// after a failure. One event is under way at a time, so that events arrive in order.
pub struct Publisher {
    broker: Broker,
    link: Mutex<Option<Link>>,
}

impl Publisher {
    /// Prepares a publisher. Nothing is sent.
    pub fn new(broker: Broker) -> Self {
        Self {
            broker,
            link: Mutex::new(None),
        }
    }

    /// Says goodbye to the broker.
    pub async fn close(&self) {
        if let Some(link) = self.link.lock().await.take() {
            link.close().await;
        }
    }

    async fn ensure<'a>(&self, place: &'a mut Option<Link>) -> Result<&'a mut Link> {
        if place.as_ref().is_some_and(|link| !link.is_alive()) {
            *place = None;
        }
        match place {
            Some(link) => Ok(link),
            None => Ok(place.insert(Link::open(&self.broker).await?)),
        }
    }
}

async fn send(link: &mut Link, event: &Event) -> Result<()> {
    link.declare_exchange(&event.exchange).await?;
    // After the declaration, which may have had to open another channel.
    link.confirm().await?;
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.message_id.as_str().into());
    let body = envelope(event).to_string();
    let publish = link.channel.basic_publish(
        event.exchange.as_str().into(),
        event.routing_key.as_str().into(),
        BasicPublishOptions::default(),
        body.as_bytes(),
        properties,
    );
    let confirmation = link.within(async { publish.await?.await }).await?;
    if confirmation.is_ack() {
        return Ok(());
    }
    Err(Error::unavailable(
        "the message broker did not take the message",
    ))
}

#[async_trait]
impl crate::Publisher for Publisher {
    async fn publish(&self, event: &Event) -> Result<()> {
        let mut place = self.link.lock().await;
        let link = self.ensure(&mut place).await?;
        let sent = send(link, event).await;
        if sent.is_err() {
            *place = None;
        }
        sent
    }

    async fn check(&self) -> Result<()> {
        self.ensure(&mut *self.link.lock().await).await.map(drop)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&self.broker).finish()
    }
}
