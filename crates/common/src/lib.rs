// SPDX-License-Identifier: MPL-2.0
//! What every service process needs: settings, errors, logging, metrics, authentication, the HTTP
//! frame and the run loop. No product rule lives here and no database is touched.

pub mod auth;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod notify;
pub mod pool;
pub mod run;
pub mod telemetry;

pub use clock::Clock;
pub use error::{Error, Kind, Result};
