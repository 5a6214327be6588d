// SPDX-License-Identifier: MPL-2.0
//! What a service may rely on: the contract on every backend, transactions, several processes on one
//! database, and the consumer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test builds on must work"
)]

mod consumer;
mod contract;
mod databases;
mod metrics;
mod recorder;
mod rivals;
mod tables;
mod transactions;
