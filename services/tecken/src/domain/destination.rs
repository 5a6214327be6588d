// SPDX-License-Identifier: MPL-2.0
//! Where an upload goes (tecken.md §5.5).

/// What the form says about the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The field `try` is there and not empty.
    pub is_try: bool,
    /// The field `bucket_name`, when it is not empty.
    pub bucket_name: Option<String>,
}

/// Returns whether a name fits a pattern with `*`, `?` and `[…]`, both in lower case.
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    matches(&pattern, &name)
}

/// Goes back to the last star only, so the time is bounded by the product of both lengths.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(in_name) {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, in_name));
            at += 1;
        } else if let Some(length) = one(pattern.get(at..).unwrap_or_default(), *c) {
            at += length;
            in_name += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            at = after;
            in_name = from + 1;
        } else {
            return false;
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|c| *c == '*')
}

/// Matches one character and returns how much of the pattern that took.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest) {
            Some((members, length)) => contains(members, c).then_some(length + 1),
            None => (c == '[').then_some(1),
        },
        [other, ..] => (*other == c).then_some(1),
        [] => None,
    }
}

/// Returns the members of a set and its length with the closing bracket. The first member may be a
/// bracket itself.
fn set(rest: &[char]) -> Option<(&[char], usize)> {
    let first = if rest.first() == Some(&'!') { 2 } else { 1 };
    let close = rest.iter().skip(first).position(|c| *c == ']')? + first;
    Some((rest.get(..close)?, close + 1))
}

fn contains(members: &[char], c: char) -> bool {
    let (is_negated, mut members) = match members {
        ['!', rest @ ..] => (true, rest),
        members => (false, members),
    };
    let mut found = false;
    while let Some((first, rest)) = members.split_first() {
        if let ['-', last, tail @ ..] = rest {
            found |= (*first..=*last).contains(&c);
            members = tail;
        } else {
            found |= *first == c;
            members = rest;
        }
    }
    found != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_matches_names() {
        let table = [
            ("*@example.com", "a@example.com", true),
            ("*@EXAMPLE.com", "A@example.com", true),
            ("*@example.com", "a@example.org", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]*", "bcd", true),
            ("[!ab]*", "bcd", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "", true),
            ("*", "", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(glob_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
