// SPDX-License-Identifier: MPL-2.0
//! Scopes and when a held one satisfies a required one (platform.md §3).

/// The scopes that a caller holds, already expanded by whoever verified the credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Wraps the expanded list.
    pub fn new(scopes: Vec<String>) -> Self {
        Self(scopes)
    }

    /// Returns whether some held scope equals `required` or covers it with a trailing star.
    pub fn satisfy(&self, required: &str) -> bool {
        self.0.iter().any(|held| match held.strip_suffix('*') {
            Some(prefix) => required.starts_with(prefix),
            None => held == required,
        })
    }

    /// Returns the held scopes.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trailing_star_is_special() {
        let table = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc*", "abcd", true),
            ("abc*", "abc", true),
            ("a*c", "abc", false),
            ("a*c", "a*c", true),
            ("*", "anything:at/all", true),
            ("assume:x", "x", false),
            ("ABC", "abc", false),
        ];
        for (held, required, expected) in table {
            let scopes = Scopes::new(vec![held.to_owned()]);
            assert_eq!(scopes.satisfy(required), expected, "{held} for {required}");
        }
    }
}
