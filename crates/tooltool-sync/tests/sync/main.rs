// SPDX-License-Identifier: MPL-2.0
//! The `tooltool-sync` binary as uploaders and administrators see it: files in folders, a real
//! conversation with a mail server, an exit status.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy recognises test functions, not the functions that only tests call"
)]

mod broken;
mod configuration;
mod crash;
mod failures;
mod links;
mod loops;
mod mails;
mod published;
mod rsynced;
mod site;
mod smtp;
mod stores;
mod together;
