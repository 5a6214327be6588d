// SPDX-License-Identifier: MPL-2.0
//! What files, batches and pending uploads are. Values that were built here are valid.

mod batch;
mod change;
mod digest;
mod file;
mod filename;
mod permissions;
mod token;
mod verdict;
mod visibility;
mod watch;

pub use batch::{Batch, BatchFile, MAX_SIZE, NewBatch, NewFile};
pub use change::Change;
pub use digest::Sha512;
pub use file::{File, Pending};
pub use filename::Filename;
pub use permissions::{Permission, Permissions};
pub use token::{StoredKind, Token, TokenKey};
pub use verdict::{Verdict, judge};
pub use visibility::Visibility;
pub use watch::Watch;
