// SPDX-License-Identifier: MPL-2.0
//! Manifest library and command line of the tooltool client: turns manifests into files and files
//! into uploads. It knows nothing of the server's database or web framework.

pub mod add;
pub mod admin;
pub mod api;
pub mod cli;
pub mod credentials;
pub mod digest;
pub mod fetch;
pub mod log;
pub mod manifest;
pub mod package;
pub mod progress;
pub mod purge;
pub mod record;
pub mod retry;
pub mod server_urls;
mod temporary;
pub mod transport;
pub mod unpack;
pub mod upload;
