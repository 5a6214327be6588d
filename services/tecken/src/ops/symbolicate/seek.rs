// SPDX-License-Identifier: MPL-2.0
//! One module of a request: its symbols when they take waiting for a store, else where they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use releng_common::pool::Pool;
use releng_common::{Error, Result};
use releng_symbols::index::Detail;
use releng_symbols::{Cost, ModuleKey, Outcome, Traffic};

use super::load;
use super::near::Source;
use super::stored::{self, Got, Want};
use crate::State;
use crate::state::{Found, Held, Place, Room};

/// Looks at one module while its index changes again and again, or turns out to be damaged.
pub(super) const TRIES: u32 = 4;

/// What is wanted of a module.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) key: ModuleKey,
    pub(super) addresses: Arc<[u64]>,
}

/// What was found of it.
pub(super) struct Sought {
    pub(super) wanted: Wanted,
    pub(super) held: Held,
    /// Nothing had to be opened in a store for it.
    pub(super) is_hit: bool,
    pub(super) cost: Cost,
    pub(super) ready: Ready,
}

/// How far it is.
pub(super) enum Ready {
    /// This is the outcome.
    Done(Outcome),
    /// The symbols can be read at once, on a thread for it.
    Near(Source),
}

/// Finds a module and, when its index is far away, its symbols.
pub(super) async fn seek(
    state: &Arc<State>,
    pool: &Pool,
    wanted: Wanted,
    detail: Detail,
    room: &Arc<Room>,
) -> Result<Sought> {
    let mut first = None;
    for _ in 0..TRIES {
        let (held, is_hit, cost) = hold(state, pool, &wanted.key).await?;
        let (is_hit, cost) = *first.get_or_insert((is_hit, cost));
        let ready = match &held.found {
            Found::NotFound => Some(Ready::Done(Outcome::NotFound)),
            Found::Corrupt => Some(Ready::Done(Outcome::Corrupt)),
            &Found::TooLarge { unit, limit } => {
                Some(Ready::Done(Outcome::TooLarge { unit, limit }))
            }
            Found::Module(module) => match module.place() {
                Place::Stored(index, stored) => {
                    let want = Want {
                        module,
                        index: &index,
                        stored: &stored,
                        addresses: &wanted.addresses,
                        detail,
                        room,
                    };
                    match stored::resolve(state, pool, &want).await? {
                        Got::Symbols(symbols) => Some(Ready::Done(Outcome::Found(symbols))),
                        Got::Near => near(module.place()),
                        Got::Stale => None,
                    }
                }
                place => near(place),
            },
        };
        let Some(ready) = ready else {
            state.modules.discard(&wanted.key, &held).await;
            continue;
        };
        return Ok(Sought {
            wanted,
            held,
            is_hit,
            cost,
            ready,
        });
    }
    Err(unsettled())
}

/// Takes symbols that are near; nothing when they are gone, to make room for others.
fn near(place: Place) -> Option<Ready> {
    Source::of(place).ok().flatten().map(Ready::Near)
}

/// Returns the error for an index that never held still.
pub(super) fn unsettled() -> Error {
    Error::unavailable("the symbols of a module change all the time, try again")
}

/// Loads a module in a task of its own: it goes on when those who wait for it lose patience, so that
/// they find more when they ask again. What it reads is bounded in time.
async fn load_apart(state: &Arc<State>, pool: &Pool, key: &ModuleKey) -> Result<(Held, bool)> {
    let (state, pool, key) = (Arc::clone(state), pool.clone(), key.clone());
    let loading = async move {
        let load = || load::load(&state, &pool, &key);
        state.modules.get(&key, load).await
    };
    tokio::spawn(loading)
        .await
        .map_err(|e| Error::internal("the loading of a module failed").with_source(e))?
}

async fn hold(state: &Arc<State>, pool: &Pool, key: &ModuleKey) -> Result<(Held, bool, Cost)> {
    let started = Instant::now();
    let (held, is_loaded) = match state.modules.at_hand(key).await? {
        Some(held) => (held, false),
        None => load_apart(state, pool, key).await?,
    };
    let time = started.elapsed();
    let is_hit = !is_loaded || held.downloads == 0 && held.found.module().is_some();
    let traffic = |count, time, size_bytes| Traffic {
        count,
        time,
        size_bytes,
    };
    let cost = if is_hit || held.downloads == 0 {
        // Where there is nothing nothing was downloaded, however long the stores took to say so.
        let module = held.found.module();
        Cost {
            cache_lookups: traffic(1, time, module.map_or(0, |module| module.file_bytes)),
            downloads: Traffic::default(),
        }
    } else {
        Cost {
            cache_lookups: traffic(1, Duration::ZERO, 0),
            downloads: traffic(held.downloads, time, held.file_bytes),
        }
    };
    Ok((held, is_hit, cost))
}
