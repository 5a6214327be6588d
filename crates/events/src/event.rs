// SPDX-License-Identifier: MPL-2.0
//! What is published.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Something that happened, addressed to an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name of the exchange, such as `exchange/<user>/<name>`.
    pub exchange: String,
    /// Routing key: words with dots between them, which listeners select by.
    pub routing_key: String,
    /// What happened, a JSON object.
    pub payload: Value,
    /// Same for every attempt to publish this event, so that listeners can tell repetitions.
    pub message_id: String,
    /// Moment that the message states as sent.
    pub at: DateTime<Utc>,
}
