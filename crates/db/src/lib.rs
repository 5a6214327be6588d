// SPDX-License-Identifier: MPL-2.0
//! SQLite and PostgreSQL behind one connection type, so that every query is written once.
//! No table of any service is known here.

mod changes;
mod connection;
mod failure;
mod fresh;
mod migrate;
mod pool;
mod schema;
mod together;
mod transfer;

pub use changes::{Changes, Token};
pub use connection::{AnyConnection, Backend};
pub use failure::Failure;
pub use fresh::Fresh;
pub use migrate::{Migrations, migrate, schema};
pub use pool::Db;
pub use together::Together;

// Bundled SQLite is linked through this crate; nothing of it is called directly.
use libsqlite3_sys as _;

/// Result inside a transaction: a query that failed, or a rule that was broken.
pub type TxResult<T> = Result<T, Failure>;
