// SPDX-License-Identifier: MPL-2.0
//! All trees, and the stack, as of one moment, with the answers that were rendered from them: rendering
//! happens once per change, not once per request.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use releng_common::Result;

use crate::domain::{Change, Tree};

/// An answer that is rendered when it is first asked for.
#[derive(Debug, Default)]
pub struct Answer(OnceLock<Bytes>);

impl Answer {
    /// Returns the bytes.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn get(&self, render: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        if let Some(bytes) = self.0.get() {
            return Ok(bytes.clone());
        }
        let bytes = render()?;
        Ok(self.0.get_or_init(|| bytes).clone())
    }
}

/// One tree and its answers.
#[derive(Debug)]
pub struct Place {
    /// The tree.
    pub tree: Tree,
    /// `GET /trees/{tree}`.
    pub wrapped: Answer,
    /// `GET /v0/trees/{tree}`.
    pub flat: Answer,
}

/// All trees and the answers about them.
#[derive(Debug)]
pub struct Board {
    places: Vec<Place>,
    by_name: HashMap<String, usize>,
    /// `GET /trees`.
    pub map: Answer,
    /// `GET /trees2`.
    pub list: Answer,
    /// `GET /v0/trees`.
    pub flat: Answer,
}

impl Board {
    /// Puts trees up, in their order.
    pub fn new(trees: Vec<Tree>) -> Self {
        let by_name = trees.iter().enumerate();
        let by_name = by_name.map(|(i, t)| (t.tree.clone(), i)).collect();
        let place = |tree| Place {
            tree,
            wrapped: Answer::default(),
            flat: Answer::default(),
        };
        Self {
            places: trees.into_iter().map(place).collect(),
            by_name,
            map: Answer::default(),
            list: Answer::default(),
            flat: Answer::default(),
        }
    }

    /// Returns all trees.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.places.iter().map(|place| &place.tree)
    }

    /// Returns one tree.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.places.get(*self.by_name.get(name)?)
    }
}

/// The remembered changes, newest first.
#[derive(Debug)]
pub struct Stack {
    /// The changes.
    pub changes: Vec<Change>,
    /// `GET /stack`.
    pub list: Answer,
}

impl Stack {
    /// Takes the changes, newest first.
    pub fn new(changes: Vec<Change>) -> Self {
        Self {
            changes,
            list: Answer::default(),
        }
    }
}
