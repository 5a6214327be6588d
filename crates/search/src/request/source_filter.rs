// SPDX-License-Identifier: MPL-2.0
//! `_source`: which members of a document a hit shows.

use serde_json::{Map, Value};

use crate::error::SearchError;
use crate::query::wildcard::Wildcard;
use crate::query::{Members, kind_name};

/// Most patterns of one filter: each is tried on every member of every hit.
const MAX_PATTERNS: usize = 256;

/// Which members to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceFilter {
    is_hidden: bool,
    includes: Vec<Pattern>,
    excludes: Vec<Pattern>,
}

/// A path with `*`, e.g. `target.*`. A path that names an object means all below it.
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    text: String,
    whole: Wildcard,
    below: Wildcard,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            whole: Wildcard::of_names(text),
            below: Wildcard::of_names(&format!("{text}.*")),
        }
    }

    fn covers(&self, path: &str) -> bool {
        self.whole.is_match(path) || self.below.is_match(path)
    }

    /// Tells whether something below an object may be covered.
    fn may_cover_below(&self, path: &str) -> bool {
        self.text.contains('*')
            || self
                .text
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
    }
}

impl SourceFilter {
    /// Parses `true`, a name, a list of names, or includes and excludes.
    pub(crate) fn parse(value: &Value) -> Result<Self, SearchError> {
        match value {
            Value::Bool(is_shown) => Ok(Self {
                is_hidden: !is_shown,
                ..Self::default()
            }),
            Value::String(_) | Value::Array(_) => Ok(Self {
                includes: patterns(value)?,
                ..Self::default()
            }),
            Value::Object(_) => {
                let mut members = Members::of("_source", value)?;
                let mut take = |plural: &str, singular: &str| {
                    let value = members.take(plural).or_else(|| members.take(singular));
                    value
                        .map(patterns)
                        .transpose()
                        .map(Option::unwrap_or_default)
                };
                let includes = take("includes", "include")?;
                let excludes = take("excludes", "exclude")?;
                members.finish()?;
                Ok(Self {
                    is_hidden: false,
                    includes,
                    excludes,
                })
            }
            other => Err(SearchError::parsing(format!(
                "[_source] takes true, false, names or an object, not {}",
                kind_name(other)
            ))),
        }
    }

    /// Returns what to show of a document; `None` for nothing at all.
    pub(crate) fn apply(&self, source: Value) -> Option<Value> {
        if self.is_hidden {
            return None;
        }
        if self.includes.is_empty() && self.excludes.is_empty() {
            return Some(source);
        }
        match source {
            Value::Object(members) => Some(Value::Object(self.object("", members, false))),
            other => Some(other),
        }
    }

    fn object(&self, path: &str, members: Map<String, Value>, is_in: bool) -> Map<String, Value> {
        let mut shown = Map::new();
        for (key, value) in members {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if self.excludes.iter().any(|pattern| pattern.covers(&path)) {
                continue;
            }
            let is_in = is_in
                || self.includes.is_empty()
                || self.includes.iter().any(|pattern| pattern.covers(&path));
            match value {
                Value::Object(inner)
                    if is_in || self.includes.iter().any(|p| p.may_cover_below(&path)) =>
                {
                    let was_empty = inner.is_empty();
                    let inner = self.object(&path, inner, is_in);
                    if !inner.is_empty() || (is_in && was_empty) {
                        shown.insert(key, Value::Object(inner));
                    }
                }
                value if is_in => {
                    shown.insert(key, value);
                }
                _ => {}
            }
        }
        shown
    }
}

fn patterns(value: &Value) -> Result<Vec<Pattern>, SearchError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.len() > MAX_PATTERNS {
        return Err(SearchError::illegal_argument(format!(
            "[_source] takes at most {MAX_PATTERNS} names"
        )));
    }
    items
        .iter()
        .map(|item| {
            item.as_str().map(Pattern::new).ok_or_else(|| {
                SearchError::parsing(format!("[_source] takes names, not {}", kind_name(item)))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(filter: Value) -> Option<Value> {
        let source = json!({"id": 1, "build": {"id": "x", "date": "d"}, "target": {"os": "win", "version": "1"}});
        SourceFilter::parse(&filter).unwrap().apply(source)
    }

    #[test]
    fn names_lists_and_patterns_choose_members() {
        assert_eq!(shown(json!(false)), None);
        assert_eq!(
            shown(json!("build")),
            Some(json!({"build": {"id": "x", "date": "d"}}))
        );
        assert_eq!(
            shown(json!(["build.id", "target.version"])),
            Some(json!({"build": {"id": "x"}, "target": {"version": "1"}}))
        );
        assert_eq!(
            shown(json!("*.date")),
            Some(json!({"build": {"date": "d"}}))
        );
        assert_eq!(
            shown(json!({"excludes": ["target.*", "build.date"]})),
            Some(json!({"id": 1, "build": {"id": "x"}}))
        );
        assert_eq!(
            shown(json!({"includes": "build", "exclude": "build.id"})),
            Some(json!({"build": {"date": "d"}}))
        );
    }

    #[test]
    fn other_kinds_are_refused() {
        assert_eq!(
            SourceFilter::parse(&json!(5)).unwrap_err().to_string(),
            "[_source] takes true, false, names or an object, not a number"
        );
    }
}
