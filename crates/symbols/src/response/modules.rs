// SPDX-License-Identifier: MPL-2.0
//! Which modules had symbols: `found_modules`, `knownModules` and `module_errors`.

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

#[derive(serde::Serialize)]
struct ModuleError {
    name: &'static str,
    message: &'static str,
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

impl<'a> ModuleErrors<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs().next().is_none()
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a Entry, ModuleError)> {
        let pairs = self.0.entries.iter().zip(self.1);
        let used = pairs.filter(|(entry, _)| entry.stacks > 0);
        used.filter_map(|(entry, outcome)| error(entry, outcome).map(|error| (entry, error)))
    }
}

impl Serialize for ModuleErrors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (entry, error) in self.pairs() {
            map.serialize_entry(&entry.label, &[error])?;
        }
        map.end()
    }
}

fn found(entry: &Entry, outcome: &Outcome) -> Option<bool> {
    (entry.stacks > 0).then(|| outcome.symbols().is_some())
}

fn error(entry: &Entry, outcome: &Outcome) -> Option<ModuleError> {
    let (name, message) = match outcome {
        Outcome::Found(_) => return None,
        Outcome::NotFound if entry.key.is_none() => (
            "NotFound",
            "no symbol file can be stored under this name and debug id",
        ),
        Outcome::NotFound => ("NotFound", "there is no symbol file for this module"),
        Outcome::Corrupt => ("Corrupt", "the symbol file of this module is damaged"),
        Outcome::TooLarge => ("TooLarge", "the symbol file of this module is too large"),
    };
    Some(ModuleError { name, message })
}
