// SPDX-License-Identifier: MPL-2.0
//! The layers that settings are read from, and the record of what was read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Doc, Invalid, Value, mask_url, value::flask_switch};

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Name of the setting.
    pub name: &'static str,
    /// Value for people: secrets and passwords are masked; empty when unset.
    pub shown: String,
    /// Where it came from: `environment`, `file`, `set` or `default`.
    pub origin: &'static str,
}

/// The layers: values set in code (all-in-one, tests), environment, TOML file, defaults.
#[derive(Debug, Default)]
pub struct Source {
    set: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// Names of the environment whose values are not UTF-8.
    unreadable: BTreeSet<String>,
    file: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
    reads_django_names: bool,
    seen: RefCell<BTreeSet<String>>,
    effective: RefCell<Vec<Effective>>,
    doubts: RefCell<Vec<String>>,
}

impl Source {
    /// Returns a source that reads the environment of the process.
    pub fn from_environment() -> Self {
        let mut source = Self::default();
        for (name, value) in std::env::vars_os() {
            // A name that is not UTF-8 cannot be a setting of ours, and may be there for others.
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(source.environment.insert(name, value)),
                Err(_) => drop(source.unreadable.insert(name)),
            }
        }
        source
    }

    /// Returns a source with the given environment and nothing else; for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let environment = pairs
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        Self {
            environment,
            ..Self::default()
        }
    }

    /// Keeps only the names that begin with `prefix` (which is cut off) and those in `kept`.
    /// The all-in-one reads `TECKEN_SYMBOL_URLS` for tecken in this way and nothing meant for others.
    pub fn scoped(mut self, prefix: &str, kept: &[&str]) -> Self {
        self.environment = std::mem::take(&mut self.environment)
            .into_iter()
            .filter_map(|(name, value)| {
                if kept.contains(&name.as_str()) {
                    return Some((name, value));
                }
                name.strip_prefix(prefix)
                    .map(|short| (short.to_owned(), value))
            })
            .collect();
        self
    }

    /// Also reads every setting under its name with the prefix `DJANGO_` (operations.md), and
    /// switches as the Django services did.
    pub fn with_django_names(mut self) -> Self {
        self.reads_django_names = true;
        self
    }

    /// Sets a value above all other layers.
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set.insert(name.to_owned(), value.into());
        self
    }

    /// Replaces the default of a setting whose default differs between services.
    pub fn with_default(mut self, name: &str, value: impl Into<String>) -> Self {
        self.defaults.insert(name.to_owned(), value.into());
        self
    }

    /// Reads the TOML file below the environment. Keys are the names of the settings, in any case.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or holds tables.
    pub fn with_file(mut self, path: &Path) -> Result<Self, Invalid> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| Invalid::new(&name, format!("cannot be read: {e}")))?;
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            Invalid::new(
                &name,
                format!("is not TOML: {}", e.message().replace('\n', " ")),
            )
        })?;
        for (key, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Array(items) => items
                    .iter()
                    .map(|item| {
                        item.as_str()
                            .map_or_else(|| item.to_string(), str::to_owned)
                    })
                    .collect::<Vec<_>>()
                    .join(","),
                toml::Value::Datetime(_) | toml::Value::Table(_) => {
                    return Err(Invalid::new(&name, format!("{key} must be a plain value")));
                }
            };
            if self.file.insert(key.to_ascii_uppercase(), text).is_some() {
                return Err(Invalid::new(&name, format!("{key} stands twice")));
            }
        }
        Ok(self)
    }

    /// Reads one setting. Used by the structs of [`settings!`](crate::settings!).
    ///
    /// # Errors
    /// The setting is missing, contradicts an alias, or is not of its type.
    pub fn read<T: Value>(&self, doc: &Doc) -> Result<T, Invalid> {
        let mut found = self.find(doc)?;
        if T::IS_SWITCH
            && !self.reads_django_names
            && let Some((text, _)) = &mut found
        {
            *text = self.switch(doc.name, text);
        }
        let (text, origin) = match &found {
            Some((text, origin)) => (Some(text.as_str()), *origin),
            None => (None, "default"),
        };
        self.effective.borrow_mut().push(Effective {
            name: doc.name,
            shown: match text {
                Some(text) if doc.is_secret && !text.is_empty() => "****".to_owned(),
                Some(text) => mask_url(text),
                None => String::new(),
            },
            origin,
        });
        match text {
            Some(text) => T::parse(text).map_err(|problem| Invalid::new(doc.name, problem)),
            None => T::absent().ok_or_else(|| Invalid::missing(doc.name, "")),
        }
    }

    /// Returns sentences for the log about settings that are in force but look like mistakes.
    pub fn doubts(&self) -> Vec<String> {
        self.doubts.borrow().clone()
    }

    fn switch(&self, name: &str, text: &str) -> String {
        let is_on = flask_switch(text);
        if !is_on && bool::parse(text) != Ok(false) {
            let doubt = format!("{name} counts as false: only 1 and true are true, not {text:?}");
            self.doubts.borrow_mut().push(doubt);
        }
        is_on.to_string()
    }

    /// Checks that the TOML file held nothing unknown. Call it after all settings were read.
    ///
    /// # Errors
    /// The first unknown key of the file.
    pub fn finish(&self) -> Result<(), Invalid> {
        let seen = self.seen.borrow();
        match self.file.keys().find(|key| !seen.contains(*key)) {
            Some(key) => Err(Invalid::new(
                key.to_ascii_lowercase(),
                "is not a setting of this service",
            )),
            None => Ok(()),
        }
    }

    /// Returns everything that was read so far, sorted by name.
    pub fn effective(&self) -> Vec<Effective> {
        let mut list = self.effective.borrow().clone();
        list.sort_by_key(|item| item.name);
        list.dedup_by_key(|item| item.name);
        list
    }

    /// Returns the default of a setting as this service has it.
    pub fn default_of(&self, doc: &Doc) -> Option<String> {
        self.defaults
            .get(doc.name)
            .cloned()
            .or_else(|| doc.default.map(str::to_owned))
    }

    fn find(&self, doc: &Doc) -> Result<Option<(String, &'static str)>, Invalid> {
        let names = self.names(doc);
        self.seen.borrow_mut().extend(names.iter().cloned());
        if let Some(name) = names.iter().find(|n| self.unreadable.contains(*n)) {
            return Err(Invalid::new(name, "must be UTF-8"));
        }
        let layers = [
            (&self.set, "set"),
            (&self.environment, "environment"),
            (&self.file, "file"),
        ];
        for (layer, origin) in layers {
            let mut present = names
                .iter()
                .filter_map(|n| layer.get(n).map(|value| (n, value)));
            let Some((name, value)) = present.next() else {
                continue;
            };
            if let Some((other, _)) = present.find(|(_, v)| *v != value) {
                let problem = format!("has another value than {other}; set one of them");
                return Err(Invalid::new(name, problem));
            }
            return Ok(Some((value.clone(), origin)));
        }
        Ok(self
            .default_of(doc)
            .map(|text| (self.expand(&text), "default")))
    }

    fn names(&self, doc: &Doc) -> Vec<String> {
        let plain = std::iter::once(doc.name)
            .chain(doc.aliases.iter().copied())
            .map(str::to_owned);
        if !self.reads_django_names {
            return plain.collect();
        }
        plain
            .flat_map(|name| [format!("DJANGO_{name}"), name].into_iter().rev())
            .collect()
    }

    /// Replaces `$DATA_DIR` in a default by the folder in force.
    fn expand(&self, default: &str) -> String {
        if !default.contains("$DATA_DIR") {
            return default.to_owned();
        }
        let name = "DATA_DIR";
        let folder = [&self.set, &self.environment, &self.file, &self.defaults]
            .into_iter()
            .find_map(|layer| layer.get(name))
            .map_or("./data", String::as_str);
        default.replace("$DATA_DIR", folder.trim_end_matches('/'))
    }
}
