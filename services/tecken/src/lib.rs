// SPDX-License-Identifier: MPL-2.0
//! tecken: the symbol server. Build systems upload symbol files, debuggers and crash processors
//! download them, profilers send stacks and get function names back.

pub mod command;
pub mod domain;
pub mod http;
pub mod ops;
mod repo;
mod service;
pub mod settings;
pub mod state;
mod worker;

pub use command::Command;
pub use service::Tecken;
pub use settings::Settings;
pub use state::State;
