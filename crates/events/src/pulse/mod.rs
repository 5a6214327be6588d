// SPDX-License-Identifier: MPL-2.0
//! Pulse, Mozilla's message broker: RabbitMQ with rules for names. Exchanges are
//! `exchange/<user>/<name>`, queues `queue/<user>/<name>`, and a user may make and write only its own.
//!
//! [`Publisher`] hands one event over and waits for the broker's word; [`background`] does that apart
//! from the requests that have something to tell; [`consume`] works a queue off.

mod background;
mod consumer;
mod link;
mod publisher;
mod settings;
mod socket;

pub use background::{Background, background};
pub use consumer::{Binding, consume};
pub use publisher::Publisher;
pub use settings::{Broker, Settings};
