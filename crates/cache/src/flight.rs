// SPDX-License-Identifier: MPL-2.0
//! Loads into a cache, one at a time per key in this process: callers that miss the same key
//! together wait for one load and share what it brings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use releng_common::{Error, Result};

use crate::Handle;
use crate::fence::{Fence, Mark};

/// Coalesces concurrent loads on top of any cache. Clones work together.
///
/// A load runs in the task of the caller that is first. When that caller goes away, the next one
/// that waits loads by itself, so nobody waits for a load that nobody runs. How long a load may
/// take is the loader's business: give it a time-out.
#[derive(Clone, Debug)]
pub struct SingleFlight {
    cache: Handle,
    flights: Arc<Mutex<Flights>>,
}

/// Loads under way. The mark in the key keeps a caller that comes after a deletion away from a load
/// that began before it.
type Flights = HashMap<Target, Boarding>;
type Target = (String, Mark);

#[derive(Debug)]
struct Boarding {
    flight: Arc<Flight>,
    seats: usize,
}

/// What a load brought, once it is there. Whoever holds the lock while it is empty loads.
type Flight = tokio::sync::Mutex<Option<Outcome>>;
type Outcome = Result<Bytes, Arc<Error>>;

impl SingleFlight {
    /// Creates one for a cache.
    pub fn new(cache: Handle) -> Self {
        Self {
            cache,
            flights: Arc::default(),
        }
    }

    /// Returns the cache below.
    pub fn cache(&self) -> &Handle {
        &self.cache
    }

    /// Returns the cached value, or loads, stores and returns it. A failure goes to all callers
    /// that wait for this load and is not stored. A value whose key was deleted during the load is
    /// returned and not stored.
    pub async fn get_or_load<L, F>(
        &self,
        key: &str,
        ttl: Option<Duration>,
        load: L,
    ) -> Result<Bytes>
    where
        L: FnOnce() -> F + Send,
        F: Future<Output = Result<Bytes>> + Send,
    {
        let (found, fence) = self.cache.get_fenced(key).await?;
        if let Some(value) = found {
            return Ok(value);
        }
        let seat = self.board(key, &fence);
        let mut outcome = seat.flight.lock().await;
        if let Some(landed) = outcome.as_ref() {
            return share(landed);
        }
        let landed = self.load_and_store(key, ttl, load).await.map_err(Arc::new);
        seat.close();
        share(outcome.insert(landed))
    }

    /// Deletes the cached value, then loads as [`SingleFlight::get_or_load`] does. What is returned
    /// was loaded after the call.
    pub async fn refresh<L, F>(&self, key: &str, ttl: Option<Duration>, load: L) -> Result<Bytes>
    where
        L: FnOnce() -> F + Send,
        F: Future<Output = Result<Bytes>> + Send,
    {
        self.cache.delete(&[key]).await?;
        self.get_or_load(key, ttl, load).await
    }

    /// Looks once more before loading: another load may have landed between this caller's look and
    /// its turn.
    async fn load_and_store<L, F>(&self, key: &str, ttl: Option<Duration>, load: L) -> Result<Bytes>
    where
        L: FnOnce() -> F + Send,
        F: Future<Output = Result<Bytes>> + Send,
    {
        let (found, fence) = self.cache.get_fenced(key).await?;
        if let Some(value) = found {
            return Ok(value);
        }
        let value = load().await?;
        self.cache
            .set_fenced(key, value.clone(), ttl, &fence)
            .await?;
        Ok(value)
    }

    fn board(&self, key: &str, fence: &Fence) -> Seat<'_> {
        let target = (key.to_owned(), fence.mark().clone());
        let mut flights = lock(&self.flights);
        let boarding = flights.entry(target.clone()).or_insert_with(|| Boarding {
            flight: Arc::default(),
            seats: 0,
        });
        boarding.seats = boarding.seats.saturating_add(1);
        Seat {
            flights: &self.flights,
            target,
            flight: boarding.flight.clone(),
        }
    }
}

/// The part of one caller in a load. The last one to leave takes the load off the list.
struct Seat<'a> {
    flights: &'a Mutex<Flights>,
    target: Target,
    flight: Arc<Flight>,
}

impl Seat<'_> {
    /// Takes the load off the list: callers from now on find the value in the cache or load anew.
    fn close(&self) {
        self.remove_if(|_| true);
    }

    fn remove_if(&self, condition: impl FnOnce(&mut Boarding) -> bool) {
        let mut flights = lock(self.flights);
        if let Entry::Occupied(mut entry) = flights.entry(self.target.clone())
            && Arc::ptr_eq(&entry.get().flight, &self.flight)
            && condition(entry.get_mut())
        {
            entry.remove();
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.remove_if(|boarding| {
            boarding.seats = boarding.seats.saturating_sub(1);
            boarding.seats == 0
        });
    }
}

fn lock(flights: &Mutex<Flights>) -> MutexGuard<'_, Flights> {
    // The map is whole between any two statements that hold it, so a panic elsewhere harms nothing.
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a copy of the outcome. Errors cannot be cloned, so the copy has the same face and refers
/// to the same cause.
fn share(outcome: &Outcome) -> Result<Bytes> {
    let error = match outcome {
        Ok(value) => return Ok(value.clone()),
        Err(error) => error,
    };
    let mut copy = Error::new(error.kind(), error.message().to_owned());
    if let Some(seconds) = error.retry_after_secs() {
        copy = copy.with_retry_after(seconds);
    }
    if error.source().is_some() {
        copy = copy.with_source(SharedCause(error.clone()));
    }
    Err(copy)
}

/// The cause of an error that several callers got.
#[derive(Debug)]
struct SharedCause(Arc<Error>);

impl fmt::Display for SharedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(cause) => fmt::Display::fmt(cause, f),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl StdError for SharedCause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}

#[cfg(test)]
mod tests;
