// SPDX-License-Identifier: MPL-2.0
//! The parts of an answer: what became of each module, and how frames, modules and costs are
//! written down.

mod body;
mod debug;
mod frame;
mod modules;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::index::Symbols;
use crate::parse::{ParseError, Unit};
use crate::table::SymbolTable;

pub(crate) use body::Body;
pub use body::Room;
pub(crate) use debug::Debug;
pub use debug::is_debug_value;
pub(crate) use frame::{stacks_v4, stacks_v5};
pub(crate) use modules::{FoundModules, KnownModules, ModuleErrors, Reason, reasons};

/// What the search for a module's symbols gave, and what it cost.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The symbols, or why there are none.
    pub outcome: Outcome,
    /// What it took to get them.
    pub cost: Cost,
}

/// The symbols of a module, or why there are none.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The symbols.
    Found(Arc<dyn Symbols>),
    /// No store has a file for the module.
    NotFound,
    /// The file is not a symbol file, or damaged.
    Corrupt,
    /// The file exceeds a limit.
    TooLarge {
        /// What is limited.
        unit: Unit,
        /// The limit.
        limit: u64,
    },
}

impl Outcome {
    /// Returns the outcome of a parse. A failed read gives back the error: whether that means a
    /// damaged file or a store out of order, only the caller knows.
    ///
    /// # Errors
    /// The error of the source, unchanged.
    pub fn of_parse(parsed: Result<SymbolTable, ParseError>) -> std::io::Result<Self> {
        match parsed {
            Ok(table) => Ok(Self::Found(Arc::new(table))),
            Err(ParseError::Corrupt) => Ok(Self::Corrupt),
            Err(ParseError::TooLarge { unit, limit }) => Ok(Self::TooLarge { unit, limit }),
            Err(ParseError::Read(error)) => Err(error),
        }
    }

    /// Returns the symbols, if there are any.
    #[must_use]
    pub fn symbols(&self) -> Option<&dyn Symbols> {
        match self {
            Self::Found(symbols) => Some(&**symbols),
            Self::NotFound | Self::Corrupt | Self::TooLarge { .. } => None,
        }
    }
}

/// What it took to get a module's symbols.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Questions to the cache, and the bytes that came from it.
    pub cache_lookups: Traffic,
    /// Successful downloads, an empty file included, and their bytes after decompression.
    pub downloads: Traffic,
}

/// A number of transfers, their time and their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// How many.
    pub count: u64,
    /// How long they took together.
    #[serde(serialize_with = "debug::seconds")]
    pub time: Duration,
    /// Their bytes together.
    #[serde(rename = "size")]
    pub size_bytes: u64,
}
