// SPDX-License-Identifier: MPL-2.0
//! Expressions as a graph of shared nodes, and what is left of one after a character (Brzozowski's
//! derivative). Equal expressions are one node, so the number of states stays finite.

use std::collections::HashMap;
use std::sync::Arc;

use super::RegexpError;

/// Name of a node.
pub(super) type Id = u32;

/// Nodes of one expression: the syntax tree and all states that texts led to.
const MAX_NODES: usize = 50_000;
/// How deep expressions may nest in each other when a character is taken off.
const MAX_DEPTH: u32 = 500;
/// Steps of one expression over all texts it meets. Steps known from former texts cost nothing.
const MAX_WORK: u32 = 2_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    Nothing,
    Empty,
    /// Sorted ranges, ends included.
    Set(Arc<[(char, char)]>),
    Concat(Id, Id),
    Or(Arc<[Id]>),
    And(Arc<[Id]>),
    Not(Id),
    Star(Id),
}

/// The nodes of one expression.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    nodes: Vec<(Node, bool)>,
    ids: HashMap<Node, Id>,
    depth: u32,
    work: u32,
}

impl Graph {
    /// Matches no text.
    pub const NOTHING: Id = 0;
    /// Matches the empty text.
    pub const EMPTY: Id = 1;
    /// Matches every text.
    pub const ANYTHING: Id = 2;

    pub fn new() -> Self {
        let fixed = [
            (Node::Nothing, false),
            (Node::Empty, true),
            (Node::Not(Self::NOTHING), true),
        ];
        let ids = fixed
            .iter()
            .zip(0..)
            .map(|((node, _), id)| (node.clone(), id))
            .collect();
        Self {
            nodes: fixed.to_vec(),
            ids,
            depth: 0,
            work: 0,
        }
    }

    fn node(&self, id: Id) -> &Node {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        self.nodes.get(at).map_or(&Node::Nothing, |(node, _)| node)
    }

    /// Tells whether the empty text matches.
    pub fn is_nullable(&self, id: Id) -> bool {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        self.nodes.get(at).is_some_and(|(_, nullable)| *nullable)
    }

    fn add(&mut self, node: Node) -> Result<Id, RegexpError> {
        if let Some(id) = self.ids.get(&node) {
            return Ok(*id);
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(RegexpError::TooComplex);
        }
        let nullable = match &node {
            Node::Nothing | Node::Set(_) => false,
            Node::Empty | Node::Star(_) => true,
            Node::Concat(a, b) => self.is_nullable(*a) && self.is_nullable(*b),
            Node::Or(parts) => parts.iter().any(|id| self.is_nullable(*id)),
            Node::And(parts) => parts.iter().all(|id| self.is_nullable(*id)),
            Node::Not(inner) => !self.is_nullable(*inner),
        };
        let id = Id::try_from(self.nodes.len()).map_err(|_| RegexpError::TooComplex)?;
        self.nodes.push((node.clone(), nullable));
        self.ids.insert(node, id);
        Ok(id)
    }

    /// One character out of ranges.
    pub fn set(&mut self, mut ranges: Vec<(char, char)>) -> Result<Id, RegexpError> {
        ranges.retain(|(low, high)| low <= high);
        ranges.sort_unstable();
        let mut merged: Vec<(char, char)> = Vec::new();
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        if merged.is_empty() {
            Ok(Self::NOTHING)
        } else {
            self.add(Node::Set(merged.into()))
        }
    }

    /// One character out of those that the ranges leave.
    pub fn set_except(&mut self, ranges: Vec<(char, char)>) -> Result<Id, RegexpError> {
        let inside = self.set(ranges)?;
        let outside = self.not(inside)?;
        let one = self.set(vec![('\0', char::MAX)])?;
        self.and(vec![one, outside])
    }

    /// One expression after the other.
    pub fn concat(&mut self, first: Id, second: Id) -> Result<Id, RegexpError> {
        // Nested to the right, so that equal sequences are equal nodes. Sequences may be as long
        // as the bound on nodes: a loop, because the stack is not.
        let mut heads = Vec::new();
        let mut last = first;
        while let Node::Concat(head, rest) = *self.node(last) {
            heads.push(head);
            last = rest;
        }
        let mut id = self.pair(last, second)?;
        for head in heads.into_iter().rev() {
            id = self.pair(head, id)?;
        }
        Ok(id)
    }

    fn pair(&mut self, first: Id, second: Id) -> Result<Id, RegexpError> {
        match (first, second) {
            (Self::ANYTHING, Self::ANYTHING) => Ok(Self::ANYTHING),
            (Self::NOTHING, _) | (_, Self::NOTHING) => Ok(Self::NOTHING),
            (Self::EMPTY, other) | (other, Self::EMPTY) => Ok(other),
            _ => self.add(Node::Concat(first, second)),
        }
    }

    /// A literal text.
    pub fn text(&mut self, text: &str) -> Result<Id, RegexpError> {
        let mut id = Self::EMPTY;
        for c in text.chars().rev() {
            let one = self.set(vec![(c, c)])?;
            id = self.concat(one, id)?;
        }
        Ok(id)
    }

    /// Any of several.
    pub fn or(&mut self, parts: Vec<Id>) -> Result<Id, RegexpError> {
        let mut flat: Vec<Id> = Vec::new();
        let mut ranges: Vec<(char, char)> = Vec::new();
        for part in parts {
            match self.node(part) {
                Node::Or(inner) => {
                    for id in inner.iter() {
                        match self.node(*id) {
                            Node::Set(set) => ranges.extend(set.iter()),
                            _ => flat.push(*id),
                        }
                    }
                }
                Node::Set(set) => ranges.extend(set.iter()),
                Node::Nothing => {}
                _ => flat.push(part),
            }
        }
        if !ranges.is_empty() {
            let set = self.set(ranges)?;
            flat.push(set);
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.as_slice() {
            [] => Ok(Self::NOTHING),
            [one] => Ok(*one),
            many if many.contains(&Self::ANYTHING) => Ok(Self::ANYTHING),
            _ => self.add(Node::Or(flat.into())),
        }
    }

    /// All of several.
    pub fn and(&mut self, parts: Vec<Id>) -> Result<Id, RegexpError> {
        let mut flat: Vec<Id> = Vec::new();
        for part in parts {
            match self.node(part) {
                Node::And(inner) => flat.extend(inner.iter()),
                _ if part == Self::ANYTHING => {}
                _ => flat.push(part),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.as_slice() {
            [] => Ok(Self::ANYTHING),
            [one] => Ok(*one),
            many if many.contains(&Self::NOTHING) => Ok(Self::NOTHING),
            _ => self.add(Node::And(flat.into())),
        }
    }

    /// Everything else.
    pub fn not(&mut self, inner: Id) -> Result<Id, RegexpError> {
        match *self.node(inner) {
            Node::Not(innermost) => Ok(innermost),
            _ => self.add(Node::Not(inner)),
        }
    }

    /// Any number of times.
    pub fn star(&mut self, inner: Id) -> Result<Id, RegexpError> {
        match self.node(inner) {
            Node::Nothing | Node::Empty => Ok(Self::EMPTY),
            Node::Star(_) => Ok(inner),
            Node::Set(ranges) if ranges.as_ref() == [('\0', char::MAX)] => Ok(Self::ANYTHING),
            _ => self.add(Node::Star(inner)),
        }
    }

    /// What must follow `c` for `id` to match.
    pub fn derive(&mut self, id: Id, c: char) -> Result<Id, RegexpError> {
        self.work += 1;
        if self.depth >= MAX_DEPTH || self.work > MAX_WORK {
            return Err(RegexpError::TooComplex);
        }
        self.depth += 1;
        let derived = self.derived(id, c);
        self.depth -= 1;
        derived
    }

    fn derived(&mut self, id: Id, c: char) -> Result<Id, RegexpError> {
        match self.node(id).clone() {
            Node::Nothing | Node::Empty => Ok(Self::NOTHING),
            Node::Set(ranges) => {
                let is_in = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                Ok(if is_in { Self::EMPTY } else { Self::NOTHING })
            }
            Node::Concat(..) => self.derived_sequence(id, c),
            Node::Or(parts) => {
                let parts = self.derived_parts(&parts, c)?;
                self.or(parts)
            }
            Node::And(parts) => {
                let parts = self.derived_parts(&parts, c)?;
                self.and(parts)
            }
            Node::Not(inner) => {
                let after = self.derive(inner, c)?;
                self.not(after)
            }
            Node::Star(inner) => {
                let after = self.derive(inner, c)?;
                self.concat(after, id)
            }
        }
    }

    fn derived_parts(&mut self, parts: &[Id], c: char) -> Result<Vec<Id>, RegexpError> {
        parts.iter().map(|part| self.derive(*part, c)).collect()
    }

    /// The character may begin in the first part, or in a later one if all before can be empty.
    fn derived_sequence(&mut self, sequence: Id, c: char) -> Result<Id, RegexpError> {
        let mut starts = Vec::new();
        let mut rest = sequence;
        while let Node::Concat(head, tail) = *self.node(rest) {
            let after = self.derive(head, c)?;
            starts.push(self.concat(after, tail)?);
            if !self.is_nullable(head) {
                return self.or(starts);
            }
            rest = tail;
        }
        starts.push(self.derive(rest, c)?);
        self.or(starts)
    }

    /// The characters that every match begins with.
    pub fn literal_prefix(&self, mut id: Id) -> String {
        let mut prefix = String::new();
        loop {
            let (head, rest) = match self.node(id) {
                Node::Concat(head, rest) => (*head, Some(*rest)),
                _ => (id, None),
            };
            match self.node(head) {
                Node::Set(ranges) => match ranges.as_ref() {
                    [(low, high)] if low == high => prefix.push(*low),
                    _ => return prefix,
                },
                _ => return prefix,
            }
            match rest {
                Some(rest) => id = rest,
                None => return prefix,
            }
        }
    }
}
