// SPDX-License-Identifier: MPL-2.0
//! All four services in one process on embedded backends, with stand-ins for the services around
//! them and demo data. It has no logic of its own: it starts and shows what the others do.

mod accounts;
mod cli;
mod configuration;
mod demo;
mod home;
mod stand_ins;
mod up;

pub use cli::main;
