// SPDX-License-Identifier: MPL-2.0
//! The background work: watching the archive folder and following the table.

mod archive;
mod folders;
mod indexer;
mod unreadable;

pub(crate) use archive::run as watch_archive;
pub(crate) use folders::record_files;
pub(crate) use indexer::run as follow_table;
