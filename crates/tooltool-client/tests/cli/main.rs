// SPDX-License-Identifier: MPL-2.0
//! The `tooltool` binary as scripts see it: words and files in, exit status, output and files out.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy recognises test functions, not the functions that only tests call"
)]

mod admin;
mod cache;
mod enemies;
mod fetch;
mod home;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod legacy;
mod local;
mod original;
mod retry;
mod server;
mod shell;
#[cfg(unix)]
mod terminal;
mod travel;
mod unpack;
mod upload;
mod usage;
