// SPDX-License-Identifier: MPL-2.0
//! From addresses to function names (symbolication.md).

mod load;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use releng_common::{Error, Kind, Result};
use releng_symbols::request::Limits;
use releng_symbols::symbolicate::Options;
use releng_symbols::{Cost, Jobs, Lookup, ModuleKey, Traffic, Version};

use crate::State;

/// Modules of one request that are fetched at the same time.
const MODULES_AT_ONCE: usize = 4;

/// Answers a request with the JSON body for it.
///
/// # Errors
/// `InvalidInput` with the known message, `TooLarge`, `Unavailable` when a store cannot be asked.
pub async fn symbolicate_body(
    state: &State,
    version: Version,
    body: Vec<u8>,
    is_debug: bool,
) -> Result<Vec<u8>> {
    let label = if version == Version::V4 { "v4" } else { "v5" };
    let jobs = parse(state, version, body, label).await?;
    let lookups: HashMap<ModuleKey, Lookup> = stream::iter(jobs.wanted_modules())
        .map(|key| look_up(state, key))
        .buffer_unordered(MODULES_AT_ONCE)
        .try_collect()
        .await?;
    let answer = move || {
        let options = Options {
            debug: is_debug,
            ..Options::default()
        };
        let started = Instant::now();
        releng_symbols::symbolicate(&jobs, &lookups, &options, &|| started.elapsed())
            .map_err(|e| Error::new(Kind::TooLarge, e.to_string()))
    };
    state.symbol_pool.run(answer).await
}

async fn parse(
    state: &State,
    version: Version,
    body: Vec<u8>,
    label: &'static str,
) -> Result<Arc<Jobs>> {
    let own = &state.settings.own;
    let limits = Limits {
        jobs: own.symbolicate_max_jobs,
        frames: own.symbolicate_max_frames,
        ..Limits::default()
    };
    let parsed = state
        .symbol_pool
        .run(move || Ok(Jobs::parse(version, &body, &limits)))
        .await?;
    let jobs = match &parsed {
        Ok(jobs) => Some(jobs.len()),
        Err(error) => error.jobs(),
    };
    if let Some(jobs) = jobs {
        metrics::counter!("symbolicate_symbolication", "version" => label).increment(1);
        if version == Version::V5 {
            let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
            metrics::counter!("symbolicate_symbolication_jobs", "version" => label).increment(jobs);
        }
    }
    parsed
        .map(Arc::new)
        .map_err(|e| Error::invalid(e.message().to_owned()))
}

async fn look_up(state: &State, key: &ModuleKey) -> Result<(ModuleKey, Lookup)> {
    let started = Instant::now();
    let (held, is_loaded) = state.modules.get(key, || load::load(state, key)).await?;
    let time = started.elapsed();
    let hit = if is_loaded { "miss" } else { "hit" };
    metrics::counter!("symbolicate_symbol_key", "cache" => hit).increment(1);
    let cost = if is_loaded {
        Cost {
            cache_lookups: Traffic {
                count: 1,
                time: Duration::ZERO,
                size_bytes: 0,
            },
            downloads: Traffic {
                count: held.downloads,
                time,
                size_bytes: held.file_bytes,
            },
        }
    } else {
        Cost {
            cache_lookups: Traffic {
                count: 1,
                time,
                size_bytes: held.file_bytes,
            },
            downloads: Traffic::default(),
        }
    };
    Ok((
        key.clone(),
        Lookup {
            outcome: held.outcome.clone(),
            cost,
        },
    ))
}

/// Returns the body of a request for one address, for the form on the page.
pub fn module_body(debug_file: &str, debug_id: &str, offsets: &[u64]) -> Vec<u8> {
    let frames: Vec<_> = offsets
        .iter()
        .map(|offset| serde_json::json!([0, offset]))
        .collect();
    let body = serde_json::json!({"memoryMap": [[debug_file, debug_id]], "stacks": [frames]});
    body.to_string().into_bytes()
}
