// SPDX-License-Identifier: MPL-2.0
//! What the tests share: tables from text, and answers without a clock.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::{Config, RngSeed};
use releng_symbols::index::{BuildOptions, Detail, PageCache, Resolved, build, verify};
use releng_symbols::parse::Unit;
use releng_symbols::scan::Scan;
use releng_symbols::{
    Cost, Jobs, Limits, Lookup, Lookups, ModuleKey, Options, Outcome, ParseError, SymbolTable,
    Version, request, symbolicate,
};

/// Parses a symbol file, or tells why it is none.
pub fn parse(text: impl AsRef<[u8]>) -> Result<SymbolTable, ParseError> {
    SymbolTable::read(text.as_ref(), &Limits::default())
}

/// Parses a symbol file.
pub fn table(text: impl AsRef<[u8]>) -> SymbolTable {
    parse(text).unwrap()
}

/// The index of a symbol file, made with these options.
pub fn index_bytes(text: impl AsRef<[u8]>, options: &BuildOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    build(text.as_ref(), &mut bytes, options).unwrap();
    bytes
}

/// Pages so small that every file has several, and two threads.
pub fn small_pages() -> BuildOptions {
    BuildOptions {
        page_bytes: 64,
        threads: NonZeroUsize::new(2).unwrap(),
        ..BuildOptions::default()
    }
}

/// The symbols of addresses, as an index of the file has them.
pub fn resolved(text: impl AsRef<[u8]>, options: &BuildOptions, addresses: &[u64]) -> Resolved {
    let bytes = index_bytes(text, options);
    let index = Arc::new(verify(&bytes).unwrap());
    let cache = PageCache::new(1 << 20);
    index
        .resolve(&bytes, &cache, addresses, Detail::Full)
        .unwrap()
}

/// The symbols of addresses, from a look over a file that arrives in pieces of this size.
pub fn excerpt(text: impl AsRef<[u8]>, piece: usize, addresses: &[u64]) -> SymbolTable {
    let mut scan = Scan::new(&Limits::default());
    text.as_ref()
        .chunks(piece)
        .for_each(|piece| scan.feed(piece).unwrap());
    scan.finish()
        .unwrap()
        .excerpt(text.as_ref(), addresses)
        .unwrap()
}

/// The name at an address, or `-`.
pub fn name_at(table: &SymbolTable, address: u64) -> String {
    table
        .lookup(address)
        .map_or_else(|| "-".to_owned(), |symbol| symbol.function.into_owned())
}

/// The message a body is refused with.
pub fn refusal(version: Version, body: impl AsRef<[u8]>) -> String {
    let parsed = Jobs::parse(version, body.as_ref(), &request::Limits::default());
    parsed.map_or_else(
        |error| error.message().to_owned(),
        |_jobs| "accepted".to_owned(),
    )
}

/// The outcome for a file beyond a bound.
pub const TOO_LARGE: Outcome = Outcome::TooLarge {
    unit: Unit::FileBytes,
    limit: 4096,
};

/// What became of one module.
pub fn outcome((name, id): (&str, &str), outcome: Outcome) -> (ModuleKey, Lookup) {
    let key = ModuleKey::parse(name, id).unwrap();
    (
        key,
        Lookup {
            outcome,
            cost: Cost::default(),
        },
    )
}

/// A module with this symbol file.
pub fn found(module: (&str, &str), text: &str) -> (ModuleKey, Lookup) {
    outcome(module, Outcome::Found(Arc::new(table(text))))
}

/// The answer to a body, given what became of its modules.
pub fn answer(version: Version, body: &str, lookups: &Lookups) -> String {
    answer_with(version, body, lookups, &Options::default())
}

/// The same, with options. Each look at the clock finds it a quarter of a second later.
pub fn answer_with(version: Version, body: &str, lookups: &Lookups, options: &Options) -> String {
    let jobs = Jobs::parse(version, body.as_bytes(), &request::Limits::default()).unwrap();
    let time = std::cell::Cell::new(Duration::ZERO);
    let clock = || {
        time.set(time.get() + Duration::from_millis(250));
        time.get()
    };
    String::from_utf8(symbolicate(&jobs, lookups, options, &clock).unwrap()).unwrap()
}

/// Cases for property tests, the same in every run.
pub fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        ..Config::default()
    }
}
