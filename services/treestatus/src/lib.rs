// SPDX-License-Identifier: MPL-2.0
//! treestatus: is a tree open, closed or approval-required. Sheriffs change it, push hooks obey it.

pub mod board;
pub mod domain;
pub mod feed;
pub mod http;
pub mod memory;
mod metric;
pub mod ops;
mod repo;
mod service;
pub mod settings;
pub mod state;
pub mod statuspage;

pub use service::Treestatus;
pub use settings::Settings;
pub use state::State;
