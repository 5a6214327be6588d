// SPDX-License-Identifier: MPL-2.0
//! Working off a queue of our own that is bound to an exchange.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use releng_common::{Error, Result};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Broker;
use super::link::Link;

/// Messages that are sent here before the one before was acknowledged.
const PREFETCH: u16 = 1;

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Which messages come into which queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Full name of the exchange, declared as a topic exchange if it is not there.
    pub exchange: String,
    /// Which messages of it.
    pub routing_key: String,
    /// Full name of the queue, durable.
    pub queue: String,
}

/// Takes messages one at a time until `cancel`, gives the `payload` of each to `handle`, and
/// acknowledges it when that returns. A message whose handler was cut off by the end of the process or
/// of the connection comes again, so `handle` must bear a second run. What is no message of this kind is
/// logged and acknowledged. After a lost connection it waits as long as the settings say and connects
/// again.
pub async fn consume<H, F>(broker: Broker, binding: Binding, cancel: CancellationToken, handle: H)
where
    H: Fn(Value) -> F + Send + Sync,
    F: Future<Output = ()> + Send,
{
    while !cancel.is_cancelled() {
        let session = Session {
            broker: &broker,
            binding: &binding,
            cancel: &cancel,
            handle: &handle,
        };
        match session.run().await {
            Ok(()) => return,
            Err(error) => tracing::warn!(
                queue = binding.queue,
                error = error.chain(),
                "{} cannot be read, next try in {} s",
                binding.queue,
                broker.reconnect.as_secs()
            ),
        }
        pause(broker.reconnect, &cancel).await;
    }
}

async fn pause(length: Duration, cancel: &CancellationToken) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
}

struct Session<'a, H> {
    broker: &'a Broker,
    binding: &'a Binding,
    cancel: &'a CancellationToken,
    handle: &'a H,
}

impl<H, F> Session<'_, H>
where
    H: Fn(Value) -> F + Send + Sync,
    F: Future<Output = ()> + Send,
{
    /// Works until `cancel` (`Ok`) or the connection fails.
    async fn run(&self) -> Result<()> {
        let mut link = Link::open(self.broker).await?;
        let mut deliveries = self.subscribe(&mut link).await?;
        tracing::info!(
            queue = self.binding.queue,
            "{} is being read",
            self.binding.queue
        );
        loop {
            let next = tokio::select! {
                () = self.cancel.cancelled() => break,
                next = deliveries.next() => next,
            };
            match next {
                Some(Ok(delivery)) => self.take(&link, delivery).await?,
                Some(Err(error)) => return Err(super::link::failed(error)),
                None => return Err(Error::unavailable("the message broker ended the reading")),
            }
        }
        link.close().await;
        Ok(())
    }

    async fn subscribe(&self, link: &mut Link) -> Result<lapin::Consumer> {
        let Binding {
            exchange,
            routing_key,
            queue,
        } = self.binding;
        link.declare_exchange(exchange).await?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let channel = &link.channel;
        let nothing = FieldTable::default;
        link.within(channel.queue_declare(queue.as_str().into(), durable, nothing()))
            .await?;
        let bind = channel.queue_bind(
            queue.as_str().into(),
            exchange.as_str().into(),
            routing_key.as_str().into(),
            QueueBindOptions::default(),
            nothing(),
        );
        link.within(bind).await?;
        link.within(channel.basic_qos(PREFETCH, BasicQosOptions::default()))
            .await?;
        let consume = channel.basic_consume(
            queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            nothing(),
        );
        link.within(consume).await
    }

    async fn take(&self, link: &Link, delivery: Delivery) -> Result<()> {
        match payload(&delivery.data) {
            Ok(payload) => (self.handle)(payload).await,
            Err(problem) => tracing::warn!(
                queue = self.binding.queue,
                exchange = delivery.exchange.as_str(),
                "a message is thrown away: {problem}"
            ),
        }
        link.within(delivery.ack(BasicAckOptions::default()))
            .await?;
        Ok(())
    }
}

/// Returns the payload of an envelope.
fn payload(body: &[u8]) -> std::result::Result<Value, String> {
    if body.len() > MAX_BODY_BYTES {
        return Err(format!("it has {} bytes", body.len()));
    }
    let message: Value =
        serde_json::from_slice(body).map_err(|e| format!("it is not JSON: {e}"))?;
    match message {
        Value::Object(mut members) => members
            .remove("payload")
            .ok_or_else(|| "it has no payload".to_owned()),
        _ => Err("it is not an object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_payload_is_taken_out_and_nothing_else_is_needed() {
        assert_eq!(
            payload(br#"{"payload": {"digest": "x"}}"#),
            Ok(json!({"digest": "x"}))
        );
        for (body, problem) in [
            (&b"{"[..], "it is not JSON"),
            (b"[]", "it is not an object"),
            (b"{}", "it has no payload"),
            (b"\xff", "it is not JSON"),
        ] {
            assert!(payload(body).unwrap_err().starts_with(problem));
        }
        let long = format!("{{\"payload\": \"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(
            payload(long.as_bytes()),
            Err("it has 1048591 bytes".to_owned())
        );
    }
}
