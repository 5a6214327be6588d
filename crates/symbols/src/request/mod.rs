// SPDX-License-Identifier: MPL-2.0
//! A symbolication request: one or many jobs, each with its modules and its stacks of frames.
//!
//! Parsing is all of the validation: what is in a [`Jobs`] can be answered.

mod content;
mod json;
mod messages;
mod shape;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::index::Detail;
use crate::module::ModuleKey;

/// Which form of the API a request and its answer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The legacy form: one job, answered with text.
    V4,
    /// One or many jobs, answered with objects.
    V5,
}

/// Bounds on one request. The documented defaults are those of [`Default`]. The size of the body
/// is limited by whoever reads it (32 MiB by default).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most jobs. Default 1,000.
    pub jobs: usize,
    /// Most frames of all jobs together, and likewise most stacks. Default 1,000,000.
    pub frames: usize,
    /// Most items of all memory maps together. Default 200,000.
    pub modules: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jobs: 1_000,
            frames: 1_000_000,
            modules: 200_000,
        }
    }
}

/// Why a request is refused; its text is the answer's message, the status is always 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    message: String,
    jobs: Option<usize>,
}

impl RequestError {
    /// Returns the message for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the number of jobs if only their content is at fault: such a request is counted.
    #[must_use]
    pub fn jobs(&self) -> Option<usize> {
        self.jobs
    }
}

/// A valid request.
#[derive(Debug, PartialEq, Eq)]
pub struct Jobs {
    pub(crate) version: Version,
    pub(crate) jobs: Vec<Job>,
}

impl Jobs {
    /// Parses and validates the body of a request.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(version: Version, body: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        let shapes = match version {
            Version::V4 => shape::parse_v4(body).map(|job| vec![job]),
            Version::V5 => shape::parse_v5(body, limits),
        };
        let shapes = shapes.map_err(|message| RequestError {
            message,
            jobs: None,
        })?;
        let jobs = content::parse(&shapes, limits).map_err(|message| RequestError {
            message,
            jobs: Some(shapes.len()),
        })?;
        Ok(Self { version, jobs })
    }

    /// Returns the form of the API.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the number of jobs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Tells whether there are no jobs; a parsed request has at least one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Returns the modules whose symbols the answer needs, each once, in the order of
    /// the memory maps.
    ///
    /// A module is needed when a frame refers to it with an integer offset. Modules that cannot
    /// have symbols are not among them.
    #[must_use]
    pub fn wanted_modules(&self) -> Vec<&ModuleKey> {
        let mut seen = HashSet::new();
        let used = self.jobs.iter().flat_map(Job::used_entries);
        used.filter_map(|entry| entry.key.as_ref())
            .filter(|key| seen.insert(*key))
            .collect()
    }

    /// Returns the same modules with the addresses that the answer asks each for, ascending and
    /// each once. A module can be without addresses: it is looked for all the same.
    #[must_use]
    pub fn wanted_addresses(&self) -> Vec<(&ModuleKey, Vec<u64>)> {
        let keys = self.wanted_modules();
        let places: HashMap<_, _> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| (*key, at))
            .collect();
        let mut wanted: Vec<_> = keys.iter().map(|key| (*key, Vec::new())).collect();
        for job in &self.jobs {
            let place = |entry: &Entry| entry.key.as_ref().and_then(|key| places.get(key)).copied();
            let entries: Vec<_> = job.entries.iter().map(place).collect();
            for frame in job.stacks.iter().flatten() {
                if let Offset::Address(address) = frame.offset
                    && let Some(module) = job.module(frame)
                    && let Some(at) = entries.get(module.entry).copied().flatten()
                    && let Some((_, addresses)) = wanted.get_mut(at)
                {
                    addresses.push(address);
                }
            }
        }
        for (_, addresses) in &mut wanted {
            addresses.sort_unstable();
            addresses.dedup();
        }
        wanted
    }
}

impl Version {
    /// Returns how much an answer of this form tells about an address.
    #[must_use]
    pub fn detail(self) -> Detail {
        match self {
            Self::V4 => Detail::Names,
            Self::V5 => Detail::Full,
        }
    }
}

/// One job of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// The distinct modules.
    pub(crate) entries: Vec<Entry>,
    /// The memory map: its names, and which of the distinct modules each item is.
    pub(crate) modules: Vec<Module>,
    pub(crate) stacks: Vec<Vec<Frame>>,
}

/// A distinct module of a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `name/id` as sent, which the answer knows the module by.
    pub(crate) label: String,
    /// The key of its symbols, if it can have any.
    pub(crate) key: Option<ModuleKey>,
    /// The number of stacks that refer to it.
    pub(crate) stacks: usize,
}

/// An item of a memory map.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    /// Position in [`Job::entries`].
    pub(crate) entry: usize,
}

/// A frame: an offset in a module of the memory map, or in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) module: Option<u32>,
    pub(crate) offset: Offset,
}

/// The offset of a frame as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Offset {
    Address(u64),
    /// Below 0, without its sign.
    Negative(u64),
    /// Below 0 and beyond 64 bits: its hex digits, without its sign.
    FarNegative(Box<str>),
    /// A number that is no integer, as written; never looked up.
    Literal(Box<str>),
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(offset) => write!(f, "{offset:#x}"),
            Self::Negative(offset) => write!(f, "-{offset:#x}"),
            Self::FarNegative(hex) => write!(f, "-0x{hex}"),
            Self::Literal(text) => f.write_str(text),
        }
    }
}

impl Job {
    /// The item of the memory map that the frame lies in.
    pub(crate) fn module(&self, frame: &Frame) -> Option<&Module> {
        self.modules.get(usize::try_from(frame.module?).ok()?)
    }

    /// The same, for frames that are looked up: those with an integer offset.
    pub(crate) fn looked_up_module(&self, frame: &Frame) -> Option<&Module> {
        match frame.offset {
            Offset::Address(_) | Offset::Negative(_) | Offset::FarNegative(_) => self.module(frame),
            Offset::Literal(_) => None,
        }
    }

    /// The modules that frames refer to.
    pub(crate) fn used_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.stacks > 0)
    }
}
