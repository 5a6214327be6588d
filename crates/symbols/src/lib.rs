// SPDX-License-Identifier: MPL-2.0
//! Breakpad symbol files and symbolication: parse a `.sym` file into a [`SymbolTable`], parse a
//! symbolication request into [`Jobs`], and answer the one with the other.
//!
//! No HTTP, no SQL, nothing asynchronous: the caller fetches the files of
//! [`Jobs::wanted_modules`], builds a table from each, and gets the JSON body of the answer from
//! [`symbolicate()`]. All of it is processor work and belongs on a pool for blocking tasks.

pub mod header;
pub mod index;
pub mod module;
mod number;
pub mod parse;
pub mod request;
pub mod response;
pub mod scan;
pub mod symbolicate;
pub mod table;

pub use header::{CodeInfo, Header, ModuleRecord, header};
pub use index::Symbols;
pub use module::ModuleKey;
pub use parse::{Limits, ParseError, Parser};
pub use request::{Jobs, RequestError, Version};
pub use response::{Cost, Lookup, Outcome, Traffic};
pub use symbolicate::{AnswerError, Lookups, Options, symbolicate, symbolicate_in};
pub use table::{Inline, Symbol, SymbolTable};
