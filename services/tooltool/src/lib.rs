// SPDX-License-Identifier: MPL-2.0
//! tooltool: a content-addressed store for build inputs. Clients announce files, send the bytes to
//! the object store through signed URLs, and download what was verified.

mod cdn;
pub mod domain;
pub mod http;
pub mod ops;
pub mod pulse;
pub mod redirects;
pub mod regions;
mod repo;
mod service;
pub mod settings;
pub mod state;
mod worker;

pub use service::Tooltool;
pub use settings::Settings;
pub use state::State;
