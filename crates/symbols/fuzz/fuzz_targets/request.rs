// SPDX-License-Identifier: MPL-2.0
//! Any body is refused with a message or answered with JSON, in both versions.
#![no_main]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use releng_symbols::request::Limits;
use releng_symbols::{Cost, Jobs, Lookup, Options, Outcome, SymbolTable, Version, symbolicate};

const TEXT: &[u8] = include_bytes!("../../tests/data/libthread_db.so.1.sym");

fuzz_target!(|body: &[u8]| {
    let table = SymbolTable::read(TEXT, &releng_symbols::Limits::default()).unwrap();
    let symbols = Arc::new(table);
    for version in [Version::V4, Version::V5] {
        let jobs = match Jobs::parse(version, body, &Limits::default()) {
            Ok(jobs) => jobs,
            Err(error) => {
                assert!(!error.message().is_empty());
                continue;
            }
        };
        let lookups: HashMap<_, _> = jobs
            .wanted_addresses()
            .into_iter()
            .map(|(key, _)| {
                let lookup = Lookup {
                    outcome: Outcome::Found(symbols.clone()),
                    cost: Cost::default(),
                };
                (key.clone(), lookup)
            })
            .collect();
        let options = Options {
            debug: true,
            ..Options::default()
        };
        let answer = symbolicate(&jobs, &lookups, &options, &|| Duration::ZERO).unwrap();
        serde_json::from_slice::<serde_json::Value>(&answer).unwrap();
    }
});
