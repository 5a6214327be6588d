// SPDX-License-Identifier: MPL-2.0
//! The JSON body of a message, in the shape that Pulse consumers of the Flask services expect.

use serde_json::{Value, json};

use crate::Event;

/// Returns the body of the message for an event: its payload, and where and when it was sent.
pub fn envelope(event: &Event) -> Value {
    json!({
        "payload": event.payload,
        "_meta": {
            "exchange": event.exchange,
            "routing_key": event.routing_key,
            "serializer": "json",
            // Consumers parse a UTC moment without a zone, always with six digits of a second.
            "sent": event.at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn event(at: &str) -> Event {
        Event {
            exchange: "exchange/demo/treestatus".to_owned(),
            routing_key: "tree.demo-central".to_owned(),
            payload: json!({"tree": "demo-central", "status": "closed"}),
            message_id: "demo-1".to_owned(),
            at: DateTime::parse_from_rfc3339(at).unwrap().to_utc(),
        }
    }

    #[test]
    fn the_envelope_holds_the_payload_and_where_and_when_it_was_sent() {
        assert_eq!(
            envelope(&event("2026-11-20T06:11:29.791220Z")),
            json!({
                "payload": {"tree": "demo-central", "status": "closed"},
                "_meta": {
                    "exchange": "exchange/demo/treestatus",
                    "routing_key": "tree.demo-central",
                    "serializer": "json",
                    "sent": "2026-11-20T06:11:29.791220",
                },
            })
        );
    }

    #[test]
    fn the_time_is_utc_with_six_digits_whatever_the_moment() {
        let sent = |at| envelope(&event(at))["_meta"]["sent"].clone();
        assert_eq!(sent("2026-11-20T06:11:29Z"), "2026-11-20T06:11:29.000000");
        assert_eq!(sent("2026-11-20T06:11:29.7Z"), "2026-11-20T06:11:29.700000");
        assert_eq!(
            sent("2026-11-20T00:30:00+02:00"),
            "2026-11-19T22:30:00.000000"
        );
        assert_eq!(
            sent("2026-11-20T06:11:29.999999999Z"),
            "2026-11-20T06:11:29.999999"
        );
    }
}
