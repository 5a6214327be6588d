// SPDX-License-Identifier: MPL-2.0
//! Which modules had symbols: `found_modules`, `knownModules` and `module_errors`.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Outcome;
use crate::request::{Entry, Job};

/// The outcomes of a job's distinct modules, in their order.
pub(crate) type Outcomes<'a> = [&'a Outcome];

/// For each distinct module: `true` with symbols, `false` without, `null` if not used.
pub(crate) struct FoundModules<'a>(pub(crate) &'a Job, pub(crate) &'a Outcomes<'a>);

/// The same for each item of the memory map.
pub(crate) struct KnownModules<'a>(pub(crate) &'a Job, pub(crate) &'a Outcomes<'a>);

/// Why modules have no symbols.
pub(crate) struct ModuleErrors<'a>(pub(crate) &'a Job, pub(crate) &'a Outcomes<'a>);

/// Why a module has no symbols.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Reason {
    name: &'static str,
    message: Cow<'static, str>,
}

impl Serialize for FoundModules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.entries.iter().zip(self.1);
        serializer.collect_map(pairs.map(|(entry, outcome)| (&entry.label, found(entry, outcome))))
    }
}

impl Serialize for KnownModules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.modules.iter().map(|module| {
            let entry = self.0.entries.get(module.entry)?;
            found(entry, self.1.get(module.entry)?)
        }))
    }
}

impl ModuleErrors<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        reasons(self.0, self.1).next().is_none()
    }
}

/// The used modules without symbols, in their order, and why.
pub(crate) fn reasons<'j, 'o>(
    job: &'j Job,
    outcomes: &'o Outcomes<'o>,
) -> impl Iterator<Item = (&'j str, Reason)> + use<'j, 'o> {
    let pairs = job.entries.iter().zip(outcomes);
    let used = pairs.filter(|(entry, _)| entry.stacks > 0);
    used.filter_map(|(entry, outcome)| Some((entry.label.as_str(), reason(entry, outcome)?)))
}

impl Serialize for ModuleErrors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (label, reason) in reasons(self.0, self.1) {
            map.serialize_entry(label, &[reason])?;
        }
        map.end()
    }
}

fn found(entry: &Entry, outcome: &Outcome) -> Option<bool> {
    (entry.stacks > 0).then(|| outcome.symbols().is_some())
}

fn reason(entry: &Entry, outcome: &Outcome) -> Option<Reason> {
    let (name, message) = match outcome {
        Outcome::Found(_) => return None,
        Outcome::NotFound if entry.key.is_none() => (
            "NotFound",
            "no symbol file can be stored under this name and debug id".into(),
        ),
        Outcome::NotFound => ("NotFound", "there is no symbol file for this module".into()),
        Outcome::Corrupt => (
            "Corrupt",
            "the symbol file of this module is damaged".into(),
        ),
        Outcome::TooLarge { unit, limit } => (
            "TooLarge",
            format!("the symbol file of this module exceeds the limit of {limit} {unit}").into(),
        ),
    };
    Some(Reason { name, message })
}
