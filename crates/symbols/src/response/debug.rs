// SPDX-License-Identifier: MPL-2.0
//! The `debug` object: what an answer cost.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::modules::Outcomes;
use super::{Cost, Reason, Traffic, reasons};
use crate::request::Job;

/// Tells whether this value of the request header `Debug` asks for the `debug` object.
#[must_use]
pub fn is_debug_value(value: &str) -> bool {
    let value = value.trim();
    ["1", "true", "yes"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

/// The costs of one job, or of a whole request.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Debug<'a> {
    #[serde(serialize_with = "seconds")]
    pub(crate) time: Duration,
    pub(crate) stacks: Stacks,
    modules: Modules<'a>,
    cache_lookups: Traffic,
    downloads: Traffic,
    /// As in a result of v5; v4 has no other place for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    module_errors: BTreeMap<&'a str, [Reason; 1]>,
}

/// Numbers of frames.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Stacks {
    /// All frames.
    count: u64,
    /// Frames that were looked up.
    real: u64,
}

/// The modules that frames refer to.
#[derive(Debug, Default, Serialize)]
struct Modules<'a> {
    count: usize,
    stacks_per_module: BTreeMap<&'a str, usize>,
}

impl<'a> Debug<'a> {
    /// The counts of a job, as yet without time and traffic.
    pub(crate) fn of_job(job: &'a Job) -> Self {
        let mut debug = Self {
            stacks: Stacks::of_job(job),
            ..Self::default()
        };
        for entry in job.used_entries() {
            debug
                .modules
                .stacks_per_module
                .insert(&entry.label, entry.stacks);
        }
        debug.modules.count = debug.modules.stacks_per_module.len();
        debug
    }

    /// Notes why modules of the job have no symbols.
    pub(crate) fn note_errors(&mut self, job: &'a Job, outcomes: &Outcomes<'_>) {
        let errors = reasons(job, outcomes).map(|(label, reason)| (label, [reason]));
        self.module_errors.extend(errors);
    }

    /// Adds the cost of a module fetched for this job.
    pub(crate) fn charge(&mut self, cost: &Cost) {
        self.time += cost.cache_lookups.time + cost.downloads.time;
        self.cache_lookups += cost.cache_lookups;
        self.downloads += cost.downloads;
    }

    /// Adds a job to the total of the request.
    pub(crate) fn add(&mut self, job: &Self) {
        self.time += job.time;
        self.stacks.count += job.stacks.count;
        self.stacks.real += job.stacks.real;
        for (label, stacks) in &job.modules.stacks_per_module {
            *self.modules.stacks_per_module.entry(label).or_default() += stacks;
        }
        self.modules.count = self.modules.stacks_per_module.len();
        self.cache_lookups += job.cache_lookups;
        self.downloads += job.downloads;
        let errors = job.module_errors.iter();
        self.module_errors
            .extend(errors.map(|(label, reasons)| (*label, reasons.clone())));
    }
}

impl Stacks {
    fn of_job(job: &Job) -> Self {
        let mut stacks = Self::default();
        for frame in job.stacks.iter().flatten() {
            stacks.count += 1;
            stacks.real += u64::from(job.looked_up_module(frame).is_some());
        }
        stacks
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.time = self.time.saturating_add(other.time);
        self.size_bytes = self.size_bytes.saturating_add(other.size_bytes);
    }
}

pub(super) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_asked_for_with_1_true_or_yes_in_any_letter_case() {
        for value in ["1", "true", "True", "YES", " yes "] {
            assert!(is_debug_value(value), "{value:?}");
        }
        for value in ["", "0", "false", "no", "11", "y", "on"] {
            assert!(!is_debug_value(value), "{value:?}");
        }
    }
}
