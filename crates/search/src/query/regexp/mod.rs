// SPDX-License-Identifier: MPL-2.0
//! Regular expressions of Lucene: they match whole values and have complement, intersection,
//! number ranges and no anchors, so a library for another dialect cannot run them.

mod graph;
mod parser;

use std::collections::HashMap;

use graph::{Graph, Id};

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexpError {
    /// The pattern breaks the syntax.
    Syntax(String),
    /// Matching would take too many states.
    TooComplex,
}

impl std::fmt::Display for RegexpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(text) => f.write_str(text),
            Self::TooComplex => f.write_str("the regular expression needs too many states"),
        }
    }
}

/// A pattern ready to match. It builds its states as texts need them and remembers them.
#[derive(Clone, Debug)]
pub struct Regexp {
    graph: Graph,
    start: Id,
    steps: HashMap<(Id, char), Id>,
}

impl Regexp {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `Syntax` with the place, `TooComplex` for huge repetitions.
    pub fn new(pattern: &str) -> Result<Self, RegexpError> {
        let mut graph = Graph::new();
        let start = parser::parse(pattern, &mut graph)?;
        Ok(Self {
            graph,
            start,
            steps: HashMap::new(),
        })
    }

    /// Returns the text that every match begins with.
    pub fn literal_prefix(&self) -> String {
        self.graph.literal_prefix(self.start)
    }

    /// Tells whether the whole text matches.
    ///
    /// # Errors
    /// `TooComplex` when the states of this and former texts exceed the bound.
    pub fn is_match(&mut self, text: &str) -> Result<bool, RegexpError> {
        let mut state = self.start;
        for c in text.chars() {
            if state == Graph::ANYTHING {
                return Ok(true);
            }
            state = match self.steps.get(&(state, c)) {
                Some(next) => *next,
                None => {
                    let next = self.graph.derive(state, c)?;
                    self.steps.insert((state, c), next);
                    next
                }
            };
            if state == Graph::NOTHING {
                return Ok(false);
            }
        }
        Ok(self.graph.is_nullable(state))
    }
}

#[cfg(test)]
mod tests;
