// SPDX-License-Identifier: MPL-2.0
//! Publisher for installations without a broker: the log is the only listener.

use async_trait::async_trait;
use releng_common::Result;
use tracing::info;

use crate::{Event, Publisher, envelope};

/// Writes one line of level info per event, with the whole message body in the field `body`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogPublisher;

#[async_trait]
impl Publisher for LogPublisher {
    async fn publish(&self, event: &Event) -> Result<()> {
        info!(
            event.exchange = %event.exchange,
            event.routing_key = %event.routing_key,
            event.message_id = %event.message_id,
            body = %envelope(event),
            "event published to the log: {}",
            event.routing_key,
        );
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_event_is_one_line_of_level_info_with_the_whole_body() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .without_time()
            .with_writer(move || sink.clone())
            .finish();
        let event = Event {
            exchange: "exchange/demo/treestatus".to_owned(),
            routing_key: "tree.demo-central".to_owned(),
            payload: json!({"reason": "two\nlines"}),
            message_id: "demo-7".to_owned(),
            at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
        };

        let guard = tracing::subscriber::set_default(subscriber);
        LogPublisher.publish(&event).await.unwrap();
        drop(guard);

        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines,
            [json!({
                "level": "INFO",
                "target": "releng_events::log",
                "fields": {
                    "message": "event published to the log: tree.demo-central",
                    "event.exchange": "exchange/demo/treestatus",
                    "event.routing_key": "tree.demo-central",
                    "event.message_id": "demo-7",
                    "body": r#"{"_meta":{"exchange":"exchange/demo/treestatus","routing_key":"tree.demo-central","sent":"2023-11-14T22:13:20.000001","serializer":"json"},"payload":{"reason":"two\nlines"}}"#,
                },
            })]
        );
    }
}
