// SPDX-License-Identifier: MPL-2.0
//! From tokens to the tree. `None` means a text that the grammar does not have.

use super::lexer::Token;
use super::{Leaf, Node, Occur};
use crate::query::Operator;

/// Parses all tokens.
pub(super) fn parse(tokens: Vec<Token>, operator: Operator, max_depth: usize) -> Option<Node> {
    let mut parser = Parser {
        tokens,
        at: 0,
        operator,
        depth_left: max_depth,
    };
    let node = parser.group(None)?;
    (parser.at == parser.tokens.len()).then_some(node)
}

/// Takes the backslashes out; `\u0041` is a character by its number.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'u' => {
                let digits = chars.as_str().get(..4)?;
                let code = u32::from_str_radix(digits, 16).ok()?;
                out.push(char::from_u32(code)?);
                chars = chars.as_str().get(4..)?.chars();
            }
            other => out.push(other),
        }
    }
    Some(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    Required,
    Prohibited,
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    operator: Operator,
    depth_left: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn eat(&mut self, token: &Token) -> bool {
        let is_there = self.peek() == Some(token);
        self.at += usize::from(is_there);
        is_there
    }

    /// Parses parts up to the end or a closing parenthesis; there must be one at least.
    fn group(&mut self, field: Option<&str>) -> Option<Node> {
        self.depth_left = self.depth_left.checked_sub(1)?;
        let mut parts: Vec<(Occur, Node)> = Vec::new();
        loop {
            if let Some(text) = self.words() {
                let leaf = Leaf::Text(unescape(&text)?);
                let occur = self.default_occur();
                parts.push((
                    occur,
                    Node::Leaf {
                        field: field.map(str::to_owned),
                        leaf,
                    },
                ));
            } else {
                let conjunction = if parts.is_empty() {
                    Conjunction::None
                } else {
                    self.conjunction()
                };
                let modifier = self.modifier();
                let node = self.clause(field)?;
                self.add(&mut parts, conjunction, modifier, node);
            }
            if matches!(self.peek(), None | Some(Token::Close)) {
                break;
            }
        }
        self.depth_left += 1;
        match parts.as_slice() {
            [(Occur::Must | Occur::Should, _)] => parts.pop().map(|(_, node)| node),
            _ => Some(Node::Group(parts)),
        }
    }

    fn default_occur(&self) -> Occur {
        match self.operator {
            Operator::Or => Occur::Should,
            Operator::And => Occur::Must,
        }
    }

    /// Takes two or more bare words in a row as one text. A word that something binds to (a
    /// colon, an AND, a weight) is not part of it.
    fn words(&mut self) -> Option<String> {
        let Some(Token::Term(first)) = self.peek() else {
            return None;
        };
        let mut text = first.clone();
        let mut taken = 1;
        while let Some(Token::Term(word)) = self.tokens.get(self.at + taken) {
            let after = self.tokens.get(self.at + taken + 1);
            if matches!(
                after,
                Some(
                    Token::Colon
                        | Token::Star
                        | Token::Tilde(_)
                        | Token::Caret(_)
                        | Token::And
                        | Token::Or
                )
            ) {
                break;
            }
            text.push(' ');
            text.push_str(word);
            taken += 1;
        }
        if taken < 2 {
            return None;
        }
        self.at += taken;
        Some(text)
    }

    fn conjunction(&mut self) -> Conjunction {
        if self.eat(&Token::And) {
            Conjunction::And
        } else if self.eat(&Token::Or) {
            Conjunction::Or
        } else {
            Conjunction::None
        }
    }

    fn modifier(&mut self) -> Modifier {
        if self.eat(&Token::Plus) {
            Modifier::Required
        } else if self.eat(&Token::Minus) || self.eat(&Token::Not) {
            Modifier::Prohibited
        } else {
            Modifier::None
        }
    }

    /// Adds a part and changes the one before, which operators between two parts bind as well.
    fn add(
        &self,
        parts: &mut Vec<(Occur, Node)>,
        conjunction: Conjunction,
        modifier: Modifier,
        node: Node,
    ) {
        if let Some((occur, _)) = parts
            .last_mut()
            .filter(|(occur, _)| *occur != Occur::MustNot)
        {
            match (conjunction, self.operator) {
                (Conjunction::And, _) => *occur = Occur::Must,
                (Conjunction::Or, Operator::And) => *occur = Occur::Should,
                _ => {}
            }
        }
        let is_required = match self.operator {
            Operator::Or => modifier == Modifier::Required || conjunction == Conjunction::And,
            Operator::And => conjunction != Conjunction::Or,
        };
        let occur = match modifier {
            Modifier::Prohibited => Occur::MustNot,
            _ if is_required => Occur::Must,
            _ => Occur::Should,
        };
        parts.push((occur, node));
    }

    fn clause(&mut self, outer: Option<&str>) -> Option<Node> {
        let named = self.field()?;
        let field = named.as_deref().or(outer);
        if self.eat(&Token::Open) {
            let node = self.group(field)?;
            if !self.eat(&Token::Close) {
                return None;
            }
            return Some(self.weighted(node));
        }
        let node = self.term(field)?;
        Some(self.weighted(node))
    }

    /// Takes `name:` if it is there.
    fn field(&mut self) -> Option<Option<String>> {
        if self.tokens.get(self.at + 1) != Some(&Token::Colon) {
            return Some(None);
        }
        let name = match self.peek() {
            Some(Token::Term(name)) => unescape(name)?,
            Some(Token::Star) => "*".to_owned(),
            _ => return Some(None),
        };
        self.at += 2;
        Some(Some(name))
    }

    fn weighted(&mut self, node: Node) -> Node {
        let Some(Token::Caret(boost)) = self.peek() else {
            return node;
        };
        let boost = *boost;
        self.at += 1;
        Node::Boost(Box::new(node), boost)
    }

    fn term(&mut self, field: Option<&str>) -> Option<Node> {
        let token = self.peek()?.clone();
        self.at += 1;
        if field == Some("_exists_")
            && let Some(name) = field_name(&token)
        {
            self.tilde();
            return Some(Node::Exists(name?));
        }
        let leaf = match token {
            Token::Term(text) => {
                let text = unescape(&text)?;
                match self.tilde() {
                    Some(edits) => Leaf::Fuzzy(text, edits.and_then(edit_count)),
                    None => comparison(field, &text).unwrap_or(Leaf::Text(text)),
                }
            }
            Token::Quoted(text) => {
                let slop = self
                    .tilde()
                    .map(|number| number.and_then(whole).unwrap_or(0));
                Leaf::Phrase(unescape(&text)?, slop)
            }
            Token::Star => {
                return Some(match field {
                    None | Some("*") => Node::All,
                    Some(field) => Node::Exists(field.to_owned()),
                });
            }
            Token::Prefix(text) => Leaf::Prefix(unescape(&text)?),
            Token::Wildcard(text) => Leaf::Wildcard(text),
            Token::Regexp(text) => Leaf::Regexp(text),
            Token::Range { lower, upper } => {
                let end = |(text, is_inclusive): (String, bool)| {
                    (text != "*").then_some((text, is_inclusive))
                };
                Leaf::Range(end(lower), end(upper))
            }
            _ => return None,
        };
        // A tilde behind anything but a word or a quoted text says nothing.
        self.tilde();
        Some(Node::Leaf {
            field: field.map(str::to_owned),
            leaf,
        })
    }

    fn tilde(&mut self) -> Option<Option<f32>> {
        let Some(Token::Tilde(number)) = self.peek() else {
            return None;
        };
        let number = *number;
        self.at += 1;
        Some(number)
    }
}

/// Returns the name or the pattern of names that stands behind `_exists_:`, `None` inside when its
/// escapes are wrong. A lone star means any field.
fn field_name(token: &Token) -> Option<Option<String>> {
    match token {
        Token::Term(text) | Token::Quoted(text) => Some(unescape(text)),
        Token::Star => Some(Some("*".to_owned())),
        Token::Prefix(start) => Some(unescape(start).map(|start| format!("{start}*"))),
        Token::Wildcard(pattern) => Some(Some(pattern.clone())),
        _ => None,
    }
}

/// Reads `>10`, `>=10`, `<10`, `<=10` behind a field name.
fn comparison(field: Option<&str>, text: &str) -> Option<Leaf> {
    field?;
    let (operator, value) = [">=", "<=", ">", "<"]
        .into_iter()
        .find_map(|operator| text.strip_prefix(operator).map(|value| (operator, value)))?;
    if value.is_empty() {
        return None;
    }
    let end = Some((value.to_owned(), operator.ends_with('=')));
    Some(if operator.starts_with('>') {
        Leaf::Range(end, None)
    } else {
        Leaf::Range(None, end)
    })
}

fn whole(number: f32) -> Option<u32> {
    format!("{:.0}", number.trunc()).parse().ok()
}

/// Edits beyond two count as two; a fraction is the similarity of old and means by length.
fn edit_count(number: f32) -> Option<u8> {
    match whole(number)? {
        0 if number > 0.0 => None,
        count => u8::try_from(count.min(2)).ok(),
    }
}
