// SPDX-License-Identifier: MPL-2.0
//! From addresses to function names (symbolication.md).

mod behind;
mod load;
mod make;
mod near;
mod seek;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use releng_common::pool::Pool;
use releng_common::{Error, Kind, Result};
use releng_symbols::index::PageCache;
use releng_symbols::request::Limits;
use releng_symbols::symbolicate::Options;
use releng_symbols::{Cost, Jobs, Lookup, ModuleKey, Version, symbolicate_in};

use super::{ask, changes_follow, millis};
use crate::State;
use crate::state::{Admitted, Held, Room};
use near::Near;
use seek::{Ready, Sought, Wanted};

pub(super) use make::unpack;

/// Modules of one request that are looked for at the same time.
const MODULES_AT_ONCE: usize = 32;
/// For how long the count of a day is kept.
const COUNT_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);

/// Answers a request that was taken in with the JSON body for it, in pieces.
///
/// # Errors
/// `InvalidInput` with the known message, `TooLarge`, `Unavailable` when a store cannot be asked.
pub async fn symbolicate_body(
    state: &Arc<State>,
    version: Version,
    body: Vec<u8>,
    is_debug: bool,
    admitted: &Admitted,
) -> Result<Vec<Vec<u8>>> {
    let label = if version == Version::V4 { "v4" } else { "v5" };
    let started = Instant::now();
    let pool = state.lanes.of(admitted);
    let answer = async {
        let (jobs, wanted) = parse(state, pool, version, body, label).await?;
        answer(state, pool, &jobs, wanted, is_debug, &admitted.room).await
    };
    let answer = answer.await;
    // Refused requests are among them, as they always were.
    metrics::histogram!("tecken.symbolicate_json", "version" => label)
        .record(millis(started.elapsed()));
    answer
}

async fn answer(
    state: &Arc<State>,
    pool: &Pool,
    jobs: &Arc<Jobs>,
    wanted: Vec<Wanted>,
    is_debug: bool,
    room: &Arc<Room>,
) -> Result<Vec<Vec<u8>>> {
    let detail = jobs.version().detail();
    let patience = Duration::from_secs(state.settings.own.symbolicate_secs.max(1));
    let deadline = tokio::time::Instant::now() + patience;
    // What the first look at a module cost; another one, should its index be damaged, is on us.
    let mut costs: HashMap<ModuleKey, Cost> = HashMap::new();
    changes_follow(state).await;
    for _ in 0..seek::TRIES {
        let started = Instant::now();
        let seeking = stream::iter(wanted.clone())
            .map(|wanted| seek::seek(state, pool, wanted, detail, room))
            .buffer_unordered(MODULES_AT_ONCE)
            .try_collect();
        let sought: Vec<Sought> = tokio::time::timeout_at(deadline, seeking)
            .await
            .map_err(|_| ask::silent("no answer in time"))??;
        metrics::histogram!("tecken.symbolicate_get_symbol_maps").record(millis(started.elapsed()));
        count_hits(&sought);
        for one in &sought {
            costs.entry(one.wanted.key.clone()).or_insert(one.cost);
        }
        let writing = Writing {
            jobs: Arc::clone(jobs),
            sought,
            costs: costs.clone(),
            pages: Arc::clone(&state.pages),
            is_debug,
            room: Arc::clone(room),
        };
        match pool.run(move || writing.run()).await? {
            Written::Body(body) => return Ok(body),
            Written::Bad(modules) => discard(state, modules).await,
        }
    }
    Err(seek::unsettled())
}

/// Counts all modules of a request at once: for each of them that would cost more than to look it up.
fn count_hits(sought: &[Sought]) {
    let count = |is_hit| sought.iter().filter(|one| one.is_hit == is_hit).count();
    let (hits, misses) = (count(true), count(false));
    let wide = |count| u64::try_from(count).unwrap_or(u64::MAX);
    if hits > 0 {
        metrics::counter!("tecken.symbolicate_symbol_key", "cache" => "hit").increment(wide(hits));
    }
    if misses > 0 {
        metrics::counter!("tecken.symbolicate_symbol_key", "cache" => "miss")
            .increment(wide(misses));
    }
}

/// Throws away what turned out to be damaged.
async fn discard(state: &State, modules: Bad) {
    for (key, held) in modules {
        if let Some(module) = held.found.module() {
            let (folder, name) = (Arc::clone(&state.index_folder), module.name.clone());
            // When it cannot be removed it is found to be damaged again.
            let _ = tokio::task::spawn_blocking(move || folder.remove(&name)).await;
            if let Some(stored) = &module.origin {
                state.modules.distrust(stored).await;
            }
        }
        state.modules.discard(&key, &held).await;
    }
}

/// The last part of an answer: symbols that are near are read, and the body is written.
struct Writing {
    jobs: Arc<Jobs>,
    sought: Vec<Sought>,
    costs: HashMap<ModuleKey, Cost>,
    pages: Arc<PageCache>,
    is_debug: bool,
    room: Arc<Room>,
}

enum Written {
    Body(Vec<Vec<u8>>),
    Bad(Bad),
}

/// Modules whose indexes are damaged.
type Bad = Vec<(ModuleKey, Held)>;

impl Writing {
    fn run(mut self) -> Result<Written> {
        let (lookups, bad) = self.read()?;
        if !bad.is_empty() {
            return Ok(Written::Bad(bad));
        }
        let options = Options {
            debug: self.is_debug,
            ..Options::default()
        };
        let (started, mut refusal) = (Instant::now(), None);
        let mut take = |bytes: usize| {
            let taken = self.room.take(u64::try_from(bytes).unwrap_or(u64::MAX));
            refusal = taken.err();
            refusal.is_none()
        };
        let clock = || started.elapsed();
        let written = symbolicate_in(&self.jobs, &lookups, &options, &clock, &mut take);
        written.map(Written::Body).map_err(|error| {
            let too_large = || Error::new(Kind::TooLarge, error.to_string());
            refusal.unwrap_or_else(too_large)
        })
    }

    /// Reads what is near. Returns the look-ups, and the modules whose indexes are damaged.
    fn read(&mut self) -> Result<(HashMap<ModuleKey, Lookup>, Bad)> {
        let near = Near {
            cache: &self.pages,
            detail: self.jobs.version().detail(),
            room: &self.room,
        };
        let sought = std::mem::take(&mut self.sought);
        let begun = sought.iter().filter_map(|one| match &one.ready {
            Ready::Near(source) => Some(near.begin(source, &one.wanted.addresses)),
            Ready::Done(_) => None,
        });
        let mut read = near.finish_all(begun.collect())?.into_iter();
        let (mut lookups, mut bad) = (HashMap::new(), Vec::new());
        for one in sought {
            let key = one.wanted.key;
            let outcome = match one.ready {
                Ready::Done(outcome) => outcome,
                Ready::Near(_) => match read.next() {
                    Some(Ok(outcome)) => outcome,
                    failed => {
                        if let (Some(Err(error)), Some(module)) = (failed, one.held.found.module())
                        {
                            load::bad_index(module.name.as_str(), &error);
                        }
                        bad.push((key, one.held));
                        continue;
                    }
                },
            };
            let cost = self.costs.get(&key).copied().unwrap_or(one.cost);
            lookups.insert(key, Lookup { outcome, cost });
        }
        Ok((lookups, bad))
    }
}

async fn parse(
    state: &State,
    pool: &Pool,
    version: Version,
    body: Vec<u8>,
    label: &'static str,
) -> Result<(Arc<Jobs>, Vec<Wanted>)> {
    let own = &state.settings.own;
    let limits = Limits {
        jobs: own.symbolicate_max_jobs,
        frames: own.symbolicate_max_frames,
        ..Limits::default()
    };
    let parsed = pool
        .run(move || {
            let parsed = Jobs::parse(version, &body, &limits);
            Ok(parsed.map(|jobs| {
                let wanted = wanted(&jobs);
                (jobs, wanted)
            }))
        })
        .await?;
    let jobs = match &parsed {
        Ok((jobs, _)) => Some(jobs.len()),
        Err(error) => error.jobs(),
    };
    if let Some(jobs) = jobs {
        metrics::counter!("tecken.symbolicate_symbolication", "version" => label).increment(1);
        count_today(state, label);
        if version == Version::V5 {
            let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
            metrics::counter!("tecken.symbolicate_symbolication_jobs", "version" => label)
                .increment(jobs);
        }
    }
    parsed
        .map(|(jobs, wanted)| (Arc::new(jobs), wanted))
        .map_err(|e| Error::invalid(e.message().to_owned()))
}

/// Counts a request of today (UTC), for the statistics of all processes. No answer waits for that.
fn count_today(state: &State, label: &'static str) {
    let cache = Arc::clone(state.exists.cache());
    let day = state.clock.now().format("%Y%m%d");
    let name = format!("symbolicationcount:{label}:{day}");
    tokio::spawn(async move {
        if let Err(error) = cache.incr(&name, Some(COUNT_LIFE)).await {
            tracing::debug!(error = error.chain(), "a symbolication was not counted");
        }
    });
}

fn wanted(jobs: &Jobs) -> Vec<Wanted> {
    let wanted = jobs.wanted_addresses().into_iter();
    wanted
        .map(|(key, addresses)| Wanted {
            key: key.clone(),
            addresses: addresses.into(),
        })
        .collect()
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
