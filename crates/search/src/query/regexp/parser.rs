// SPDX-License-Identifier: MPL-2.0
//! The syntax: from loosest to tightest `|`, `&`, sequence, `? * + {n,m}` (which stack), `~`,
//! classes and single characters. Operators in places where they mean nothing are literal.

use super::RegexpError;
use super::graph::{Graph, Id};

const MAX_DEPTH: usize = 100;
const MAX_REPEAT: u32 = 1_000;

/// Reads a whole pattern.
pub(super) fn parse(pattern: &str, graph: &mut Graph) -> Result<Id, RegexpError> {
    let mut parser = Parser {
        chars: pattern.chars().collect(),
        at: 0,
        depth: 0,
        graph,
    };
    if parser.chars.is_empty() {
        return Ok(Graph::EMPTY);
    }
    let id = parser.union()?;
    if parser.peek().is_some() {
        return Err(parser.error("end of text expected"));
    }
    Ok(id)
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    graph: &'a mut Graph,
}

impl Parser<'_> {
    fn error(&self, text: &str) -> RegexpError {
        RegexpError::Syntax(format!("{text} at position {}", self.at))
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Result<char, RegexpError> {
        let c = self
            .peek()
            .ok_or_else(|| self.error("unexpected end of text"))?;
        self.at += 1;
        Ok(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn union(&mut self) -> Result<Id, RegexpError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexpError::TooComplex);
        }
        let mut parts = vec![self.intersection()?];
        while self.eat('|') {
            parts.push(self.intersection()?);
        }
        self.depth -= 1;
        self.graph.or(parts)
    }

    fn intersection(&mut self) -> Result<Id, RegexpError> {
        let mut parts = vec![self.sequence()?];
        while self.eat('&') {
            parts.push(self.sequence()?);
        }
        self.graph.and(parts)
    }

    fn sequence(&mut self) -> Result<Id, RegexpError> {
        let mut parts = vec![self.repetition()?];
        while self.peek().is_some_and(|c| !matches!(c, ')' | '|' | '&')) {
            parts.push(self.repetition()?);
        }
        let mut id = Graph::EMPTY;
        for part in parts.into_iter().rev() {
            id = self.graph.concat(part, id)?;
        }
        Ok(id)
    }

    fn repetition(&mut self) -> Result<Id, RegexpError> {
        let mut id = self.complement()?;
        loop {
            if self.eat('?') {
                id = self.graph.or(vec![id, Graph::EMPTY])?;
            } else if self.eat('*') {
                id = self.graph.star(id)?;
            } else if self.eat('+') {
                let more = self.graph.star(id)?;
                id = self.graph.concat(id, more)?;
            } else if self.eat('{') {
                id = self.counted(id)?;
            } else {
                return Ok(id);
            }
        }
    }

    fn counted(&mut self, id: Id) -> Result<Id, RegexpError> {
        let min = self.integer()?;
        let max = match (self.eat(','), self.peek()) {
            (false, _) => Some(min),
            (true, Some(c)) if c.is_ascii_digit() => Some(self.integer()?),
            (true, _) => None,
        };
        if !self.eat('}') {
            return Err(self.error("expected }"));
        }
        if max.is_some_and(|max| max < min) {
            return Ok(Graph::NOTHING);
        }
        let mut tail = match max {
            None => self.graph.star(id)?,
            Some(_) => Graph::EMPTY,
        };
        for _ in min..max.unwrap_or(min) {
            let one = self.graph.concat(id, tail)?;
            tail = self.graph.or(vec![one, Graph::EMPTY])?;
        }
        for _ in 0..min {
            tail = self.graph.concat(id, tail)?;
        }
        Ok(tail)
    }

    fn integer(&mut self) -> Result<u32, RegexpError> {
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        if digits.is_empty() {
            return Err(self.error("integer expected"));
        }
        match digits.parse() {
            Ok(count) if count <= MAX_REPEAT => Ok(count),
            _ => Err(RegexpError::TooComplex),
        }
    }

    fn complement(&mut self) -> Result<Id, RegexpError> {
        let mut is_negated = false;
        while self.eat('~') {
            is_negated = !is_negated;
        }
        let id = if self.eat('[') {
            self.class()?
        } else {
            self.simple()?
        };
        if is_negated {
            self.graph.not(id)
        } else {
            Ok(id)
        }
    }

    fn class(&mut self) -> Result<Id, RegexpError> {
        let is_negated = self.eat('^');
        let mut ranges = Vec::new();
        // The first member may be a bracket: `[]a]`.
        loop {
            self.class_member(&mut ranges)?;
            if self.peek().is_none_or(|c| c == ']') {
                break;
            }
        }
        if !self.eat(']') {
            return Err(self.error("expected ]"));
        }
        if is_negated {
            self.graph.set_except(ranges)
        } else {
            self.graph.set(ranges)
        }
    }

    fn class_member(&mut self, ranges: &mut Vec<(char, char)>) -> Result<(), RegexpError> {
        if let Some(shorthand) = self.shorthand() {
            ranges.extend(shorthand);
            return Ok(());
        }
        let low = self.character()?;
        if !self.eat('-') {
            ranges.push((low, low));
        } else if self.peek() == Some(']') {
            ranges.extend([(low, low), ('-', '-')]);
        } else {
            let high = self.character()?;
            ranges.push((low, high));
        }
        Ok(())
    }

    /// Takes `\d` and its kin. Old engines read a plain letter, new ones a class; people mean the
    /// class.
    fn shorthand(&mut self) -> Option<Vec<(char, char)>> {
        let ranges = match (self.peek()?, *self.chars.get(self.at + 1)?) {
            ('\\', 'd') => vec![('0', '9')],
            ('\\', 'w') => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            ('\\', 's') => vec![('\t', '\r'), (' ', ' ')],
            _ => return None,
        };
        self.at += 2;
        Some(ranges)
    }

    fn negated_shorthand(&mut self) -> Option<Vec<(char, char)>> {
        let ranges = match (self.peek()?, *self.chars.get(self.at + 1)?) {
            ('\\', 'D') => vec![('0', '9')],
            ('\\', 'W') => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            ('\\', 'S') => vec![('\t', '\r'), (' ', ' ')],
            _ => return None,
        };
        self.at += 2;
        Some(ranges)
    }

    fn character(&mut self) -> Result<char, RegexpError> {
        self.eat('\\');
        self.next()
    }

    fn simple(&mut self) -> Result<Id, RegexpError> {
        if let Some(ranges) = self.shorthand() {
            return self.graph.set(ranges);
        }
        if let Some(ranges) = self.negated_shorthand() {
            return self.graph.set_except(ranges);
        }
        if self.eat('.') {
            self.graph.set(vec![('\0', char::MAX)])
        } else if self.eat('#') {
            Ok(Graph::NOTHING)
        } else if self.eat('@') {
            Ok(Graph::ANYTHING)
        } else if self.eat('"') {
            let text = self.until('"')?;
            self.graph.text(&text)
        } else if self.eat('(') {
            self.group()
        } else if self.eat('<') {
            let text = self.until('>')?;
            self.interval(&text)
        } else {
            let c = self.character()?;
            self.graph.set(vec![(c, c)])
        }
    }

    fn group(&mut self) -> Result<Id, RegexpError> {
        if self.eat(')') {
            return Ok(Graph::EMPTY);
        }
        let id = self.union()?;
        if self.eat(')') {
            Ok(id)
        } else {
            Err(self.error("expected )"))
        }
    }

    fn until(&mut self, end: char) -> Result<String, RegexpError> {
        let mut text = String::new();
        loop {
            match self.next()? {
                c if c == end => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn interval(&mut self, text: &str) -> Result<Id, RegexpError> {
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse::<u32>().ok()).flatten()
        };
        let ends = text
            .split_once('-')
            .map(|(low, high)| (low, high, number(low), number(high)));
        let Some((low_text, high_text, Some(low), Some(high))) = ends else {
            return Err(self.error("expected a range of two numbers"));
        };
        let (low, high) = (low.min(high), low.max(high));
        if low_text.len() == high_text.len() {
            let width = low_text.len();
            return self.between(&format!("{low:0width$}"), &format!("{high:0width$}"));
        }
        // Ends of different length: any number of leading zeros.
        let mut parts = Vec::new();
        for width in low.to_string().len()..=high.to_string().len() {
            let first = low.to_string();
            let first = if first.len() == width {
                first
            } else {
                format!("1{:0<1$}", "", width - 1)
            };
            let last = high.to_string();
            let last = if last.len() == width {
                last
            } else {
                "9".repeat(width)
            };
            parts.push(self.between(&first, &last)?);
        }
        let numbers = self.graph.or(parts)?;
        let zero = self.graph.text("0")?;
        let zeros = self.graph.star(zero)?;
        self.graph.concat(zeros, numbers)
    }

    /// Numbers between two of the same length.
    fn between(&mut self, low: &str, high: &str) -> Result<Id, RegexpError> {
        let (mut low_rest, mut high_rest) = (low.chars(), high.chars());
        let (Some(first), Some(last)) = (low_rest.next(), high_rest.next()) else {
            return Ok(Graph::EMPTY);
        };
        let (low_rest, high_rest) = (low_rest.as_str(), high_rest.as_str());
        if first == last {
            let head = self.graph.set(vec![(first, first)])?;
            let tail = self.between(low_rest, high_rest)?;
            return self.graph.concat(head, tail);
        }
        let (zeros, nines) = ("0".repeat(low_rest.len()), "9".repeat(low_rest.len()));
        let mut parts = Vec::new();
        for digit in first..=last {
            let from = if digit == first { low_rest } else { &zeros };
            let to = if digit == last { high_rest } else { &nines };
            let head = self.graph.set(vec![(digit, digit)])?;
            let tail = self.between(from, to)?;
            parts.push(self.graph.concat(head, tail)?);
        }
        self.graph.or(parts)
    }
}
