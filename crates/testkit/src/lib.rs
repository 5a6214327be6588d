// SPDX-License-Identifier: MPL-2.0
//! What the tests of all crates share: databases per test, stand-ins for services that cannot run
//! here, signed requests, and the architecture as a check. No product rule lives here.

#![expect(clippy::expect_used, reason = "a test kit fails its test by panicking")]

pub mod app;
pub mod architecture;
pub mod browser;
pub mod database;
pub mod fake_oidc;
pub mod fake_statuspage;
pub mod fake_taskcluster;
pub mod hawk_client;
pub mod misbehaviour;
pub mod poll;
pub mod process;
pub mod requirement;
pub mod s3_bucket;
pub mod store_proxy;
pub mod temp;
pub mod wire;

mod code_flow;
mod serving;
mod tickets;
