// SPDX-License-Identifier: MPL-2.0
//! What symbols of a module can be asked, wherever they are.

use std::borrow::Cow;
use std::fmt::Debug;

use crate::header::Header;
use crate::table::{Symbol, SymbolTable};

/// Symbols of one module: a whole table, or what an index has on some addresses.
pub trait Symbols: Debug + Send + Sync {
    /// Returns the symbol with the greatest start that is not above the address.
    fn lookup(&self, address: u64) -> Option<Symbol<'_>>;

    /// Returns its name and the distance of the address from its start only.
    fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)>;

    /// Returns what the file's `MODULE` and `INFO CODE_ID` records say.
    fn header(&self) -> &Header;

    /// Returns how much memory the symbols take, for caches that count in bytes.
    fn memory_bytes(&self) -> usize;
}

impl Symbols for SymbolTable {
    fn lookup(&self, address: u64) -> Option<Symbol<'_>> {
        Self::lookup(self, address)
    }

    fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)> {
        Self::name(self, address)
    }

    fn header(&self) -> &Header {
        Self::header(self)
    }

    fn memory_bytes(&self) -> usize {
        Self::memory_bytes(self)
    }
}
