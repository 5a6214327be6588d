// SPDX-License-Identifier: MPL-2.0
//! The drop-folder processor of tooltool: collects what uploaders have brought into their folders,
//! checks it, publishes it in folders or in a tooltool service, and writes mails about it. It runs
//! on Unix.
//!
//! From outside to inside: [`cli`] → [`run`] → `publish`, `finish`, `outcome` → [`spool`], [`check`],
//! [`smtp`] → [`config`], [`state`], [`package`] → [`folder`].

pub mod algorithm;
pub mod check;
pub mod cli;
pub mod config;
mod failure;
mod finish;
pub mod folder;
pub mod journal;
pub mod lock;
pub mod log;
pub mod mail;
pub mod name;
mod outcome;
pub mod package;
mod publish;
pub mod run;
pub mod smtp;
pub mod spool;
pub mod stamp;
pub mod state;
pub mod transfer;
