// SPDX-License-Identifier: MPL-2.0
//! The answer to a request, once the symbols of its modules are there.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::module::ModuleKey;
use crate::request::{Job, Jobs, Version};
use crate::response::{
    Body, Debug, FoundModules, KnownModules, Lookup, ModuleErrors, Outcome, Room, stacks_v4,
    stacks_v5,
};

/// The modules of a request and what became of them. A missing one counts as not found.
pub type Lookups = HashMap<ModuleKey, Lookup>;

/// How to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether the client asked for the `debug` object.
    pub debug: bool,
    /// Largest answer. Default 512 MiB: a request of a few megabytes can repeat the longest name
    /// of a symbol file a million times.
    pub answer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            debug: false,
            answer_bytes: 512 << 20,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It exceeds [`Options::answer_bytes`]; the request has to be sent in parts.
    #[error("the answer exceeds the limit of {limit} bytes: send fewer frames in one request")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// There was no room for it, as whoever gives the room said.
    #[error("there is no room for the answer")]
    NoRoom,
}

/// Symbolicates a request and returns the JSON body of the answer.
///
/// `clock` gives the time since any fixed moment; the `debug` object is made with it.
///
/// # Errors
/// [`AnswerError::TooLarge`] when the body would exceed the limit.
pub fn symbolicate(
    jobs: &Jobs,
    lookups: &Lookups,
    options: &Options,
    clock: &dyn Fn() -> Duration,
) -> Result<Vec<u8>, AnswerError> {
    let pieces = symbolicate_in(jobs, lookups, options, clock, &mut |_| true)?;
    Ok(pieces.concat())
}

/// Does the same in pieces, which are together what [`symbolicate`] returns, and asks for memory before
/// the answer takes it: the sum of what `room` gave is what the pieces occupy.
///
/// # Errors
/// [`AnswerError`].
pub fn symbolicate_in(
    jobs: &Jobs,
    lookups: &Lookups,
    options: &Options,
    clock: &dyn Fn() -> Duration,
    room: &mut Room<'_>,
) -> Result<Vec<Vec<u8>>, AnswerError> {
    let mut answer = Answer {
        body: Body::new(options.answer_bytes, room),
        lookups,
        charged: HashSet::new(),
        is_debug: options.debug,
        clock,
    };
    let written = match jobs.version {
        Version::V4 => answer.write_v4(jobs),
        Version::V5 => answer.write_v5(jobs),
    };
    // Names and numbers always make JSON; the body can only be full.
    written.map_err(|error| match error.kind() {
        io::ErrorKind::OutOfMemory => AnswerError::NoRoom,
        _ => AnswerError::TooLarge {
            limit: options.answer_bytes,
        },
    })?;
    Ok(answer.body.into_pieces())
}

/// An answer being written.
struct Answer<'a, 'r> {
    body: Body<'r>,
    lookups: &'a Lookups,
    /// Modules whose cost a job has been charged with: the first to use it pays.
    charged: HashSet<&'a ModuleKey>,
    is_debug: bool,
    clock: &'a dyn Fn() -> Duration,
}

impl<'a> Answer<'a, '_> {
    fn write_v4(&mut self, jobs: &'a Jobs) -> io::Result<()> {
        // There is exactly one job.
        for job in &jobs.jobs {
            let started = (self.clock)();
            let outcomes = self.outcomes(job);
            let outcomes = outcomes.as_slice();
            self.body.push(b"{\"symbolicatedStacks\":")?;
            stacks_v4(&mut self.body, job, outcomes)?;
            self.value(",\"knownModules\":", &KnownModules(job, outcomes))?;
            if self.is_debug {
                let debug = self.debug(job, outcomes, started);
                self.value(",\"debug\":", &debug)?;
            }
            self.body.push(b"}")?;
        }
        Ok(())
    }

    fn write_v5(&mut self, jobs: &'a Jobs) -> io::Result<()> {
        let mut total = Debug::default();
        self.body.push(b"{\"results\":[")?;
        let mut separator = "";
        for job in &jobs.jobs {
            self.body.push(separator.as_bytes())?;
            self.write_result(job, &mut total)?;
            separator = ",";
        }
        self.body.push(b"]")?;
        if self.is_debug {
            self.value(",\"debug\":", &total)?;
        }
        self.body.push(b"}")
    }

    fn write_result(&mut self, job: &'a Job, total: &mut Debug<'a>) -> io::Result<()> {
        let started = (self.clock)();
        let outcomes = self.outcomes(job);
        let outcomes = outcomes.as_slice();
        self.body.push(b"{\"stacks\":")?;
        stacks_v5(&mut self.body, job, outcomes)?;
        self.value(",\"found_modules\":", &FoundModules(job, outcomes))?;
        let errors = ModuleErrors(job, outcomes);
        if !errors.is_empty() {
            self.value(",\"module_errors\":", &errors)?;
        }
        if self.is_debug {
            let debug = self.debug(job, outcomes, started);
            self.value(",\"debug\":", &debug)?;
            total.add(&debug);
        }
        self.body.push(b"}")
    }

    /// What became of each distinct module of the job.
    fn outcomes(&self, job: &Job) -> Vec<&'a Outcome> {
        let outcome = |key| self.lookups.get(key).map(|lookup| &lookup.outcome);
        let entries = job.entries.iter();
        entries
            .map(|entry| {
                entry
                    .key
                    .as_ref()
                    .and_then(outcome)
                    .unwrap_or(&Outcome::NotFound)
            })
            .collect()
    }

    fn debug(&mut self, job: &'a Job, outcomes: &[&Outcome], started: Duration) -> Debug<'a> {
        let mut debug = Debug::of_job(job);
        debug.note_errors(job, outcomes);
        debug.time = (self.clock)().saturating_sub(started);
        for key in job.used_entries().filter_map(|entry| entry.key.as_ref()) {
            if let Some(lookup) = self.lookups.get(key)
                && self.charged.insert(key)
            {
                debug.charge(&lookup.cost);
            }
        }
        debug
    }

    fn value(&mut self, before: &str, value: &impl Serialize) -> io::Result<()> {
        self.body.push(before.as_bytes())?;
        serde_json::to_writer(&mut self.body, value).map_err(io::Error::from)
    }
}
