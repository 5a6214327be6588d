// SPDX-License-Identifier: MPL-2.0
//! Where a package is sent.

use std::fmt;

/// A folder on another host, reached with somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    user: String,
    host: String,
    path: String,
}

/// A part of a destination cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} '{text}' {rule}")]
pub struct InvalidDestination {
    part: &'static str,
    text: String,
    rule: &'static str,
}

impl Destination {
    /// Puts a destination together. No part may be taken for an option by rsync or ssh, or shift
    /// the borders between the parts.
    ///
    /// # Errors
    /// A part is empty, begins with a hyphen, or has characters that it cannot have.
    pub fn new(user: &str, host: &str, path: &str) -> Result<Self, InvalidDestination> {
        check("user", user, |c| c.is_whitespace() || "@:/".contains(c))?;
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match address {
            Some(address) => check("host", address, |c| {
                !c.is_ascii_hexdigit() && !":.%".contains(c)
            })?,
            None => check("host", host, |c| c.is_whitespace() || "@:/[]".contains(c))?,
        }
        check("path", path, |_| false)?;
        Ok(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
}

fn check(
    part: &'static str,
    text: &str,
    is_wrong: impl Fn(char) -> bool,
) -> Result<(), InvalidDestination> {
    let rule = if text.is_empty() {
        "must not be empty"
    } else if text.starts_with('-') {
        "must not begin with a hyphen"
    } else if text.chars().any(|c| c.is_control() || is_wrong(c)) {
        "has characters that it cannot have"
    } else {
        return Ok(());
    };
    Err(InvalidDestination {
        part,
        text: text.to_owned(),
        rule,
    })
}

impl fmt::Display for Destination {
    /// Writes it as rsync reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_what_rsync_reads() {
        for (user, host, path, text) in [
            (
                "me",
                "h.example",
                "/srv/in/me/pub",
                "me@h.example:/srv/in/me/pub",
            ),
            ("me", "h", "pub folder", "me@h:pub folder"),
            ("me", "[::1]", "~/pub", "me@[::1]:~/pub"),
        ] {
            let destination = Destination::new(user, host, path).unwrap();
            assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for (user, host, path, message) in [
            ("", "h", "p", "user '' must not be empty"),
            ("-l", "h", "p", "user '-l' must not begin with a hyphen"),
            (
                "a@b",
                "h",
                "p",
                "user 'a@b' has characters that it cannot have",
            ),
            (
                "me",
                "-oProxyCommand=x",
                "p",
                "host '-oProxyCommand=x' must not begin with a hyphen",
            ),
            (
                "me",
                "h:x",
                "p",
                "host 'h:x' has characters that it cannot have",
            ),
            (
                "me",
                "[x y]",
                "p",
                "host 'x y' has characters that it cannot have",
            ),
            ("me", "h", "", "path '' must not be empty"),
            (
                "me",
                "h",
                "--delete",
                "path '--delete' must not begin with a hyphen",
            ),
            (
                "me",
                "h",
                "a\nb",
                "path 'a\nb' has characters that it cannot have",
            ),
        ] {
            let error = Destination::new(user, host, path).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
