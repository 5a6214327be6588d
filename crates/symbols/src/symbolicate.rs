// SPDX-License-Identifier: MPL-2.0
//! The answer to a request, once the symbols of its modules are there.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::module::ModuleKey;
use crate::request::{Job, Jobs, Version};
use crate::response::{
    Debug, FoundModules, FramesV4, FramesV5, KnownModules, Lookup, ModuleErrors, Outcome, StacksOf,
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

/// The answer exceeds [`Options::answer_bytes`]; the request has to be sent in parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer exceeds the limit of {limit} bytes: send fewer frames in one request")]
pub struct AnswerTooLarge {
    limit: usize,
}

/// Symbolicates a request and returns the JSON body of the answer.
///
/// `clock` gives the time since any fixed moment; the `debug` object is made with it.
///
/// # Errors
/// [`AnswerTooLarge`] when the body would exceed the limit.
pub fn symbolicate(
    jobs: &Jobs,
    lookups: &Lookups,
    options: &Options,
    clock: &dyn Fn() -> Duration,
) -> Result<Vec<u8>, AnswerTooLarge> {
    let mut answer = Answer {
        body: Body {
            bytes: Vec::new(),
            limit: options.answer_bytes,
        },
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
    written.map_err(|_full| AnswerTooLarge {
        limit: options.answer_bytes,
    })?;
    Ok(answer.body.bytes)
}

/// An answer being written.
struct Answer<'a> {
    body: Body,
    lookups: &'a Lookups,
    /// Modules whose cost a job has been charged with: the first to use it pays.
    charged: HashSet<&'a ModuleKey>,
    is_debug: bool,
    clock: &'a dyn Fn() -> Duration,
}

impl<'a> Answer<'a> {
    fn write_v4(&mut self, jobs: &'a Jobs) -> io::Result<()> {
        // There is exactly one job.
        for job in &jobs.jobs {
            let started = (self.clock)();
            let outcomes = self.outcomes(job);
            let outcomes = outcomes.as_slice();
            let stack = |frames| FramesV4 {
                job,
                outcomes,
                frames,
            };
            self.value("{\"symbolicatedStacks\":", &StacksOf { job, stack })?;
            self.value(",\"knownModules\":", &KnownModules(job, outcomes))?;
            if self.is_debug {
                let debug = self.debug(job, started);
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
        let stack = |frames| FramesV5 {
            job,
            outcomes,
            frames,
        };
        self.value("{\"stacks\":", &StacksOf { job, stack })?;
        self.value(",\"found_modules\":", &FoundModules(job, outcomes))?;
        let errors = ModuleErrors(job, outcomes);
        if !errors.is_empty() {
            self.value(",\"module_errors\":", &errors)?;
        }
        if self.is_debug {
            let debug = self.debug(job, started);
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

    fn debug(&mut self, job: &'a Job, started: Duration) -> Debug<'a> {
        let mut debug = Debug::of_job(job);
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

/// Bytes up to a limit.
struct Body {
    bytes: Vec<u8>,
    limit: usize,
}

impl Body {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, bytes)
    }
}

impl io::Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
