// SPDX-License-Identifier: MPL-2.0
//! buildhub: which builds were published, and from what. Records come in as files, are kept in a
//! table for ever and found through a search index that can be made anew from the table.

mod command;
pub mod domain;
pub mod http;
mod metric;
pub mod ops;
mod repo;
mod service;
pub mod settings;
pub mod state;
mod worker;

pub use service::Buildhub;
pub use settings::Settings;
pub use state::{Intake, State};
