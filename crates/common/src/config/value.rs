// SPDX-License-Identifier: MPL-2.0
//! How the text of a setting becomes a value.

use std::path::PathBuf;

/// A type that a setting can have.
pub trait Value: Sized {
    /// Whether it is a switch, which the predecessors read in two ways.
    const IS_SWITCH: bool = false;

    /// Parses the text of a setting.
    ///
    /// # Errors
    /// A sentence that says which rule the text breaks.
    fn parse(text: &str) -> Result<Self, String>;

    /// Returns the value of a setting that is absent and has no default; `None` when it is required.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Value> Value for Option<T> {
    const IS_SWITCH: bool = T::IS_SWITCH;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Value for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("must name a path".to_owned())
        } else {
            Ok(Self::from(text))
        }
    }
}

/// Yes: `1`, `true`, `yes`, `y`, `on`. No: `0`, `false`, `no`, `n`, `off` and the empty text.
/// Anything else is an error: a misspelt switch must not silently be off. Services that took the
/// place of Flask ones know only `1` and `true` as yes.
impl Value for bool {
    const IS_SWITCH: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "y" | "on" => Ok(true),
            "0" | "false" | "no" | "n" | "off" | "" => Ok(false),
            _ => Err(format!("must be true or false, not {text:?}")),
        }
    }
}

/// Returns what a switch means in an environment that was written for a Flask service: `1` and
/// `true` are on, everything else is off, `yes` too.
pub(super) fn flask_switch(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true")
}

macro_rules! whole_number {
    ($($ty:ty),*) => { $(
        impl Value for $ty {
            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| {
                    format!("must be a whole number from {} to {}, not {text:?}", <$ty>::MIN, <$ty>::MAX)
                })
            }
        }
    )* };
}
whole_number!(u16, u32, u64, i64, usize);

/// Comma separated, blanks around items dropped.
impl Value for Vec<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect())
    }
}

/// A number of bytes, written plainly or with `KiB`, `MiB`, `GiB` (also `kb`, `mb`, `gb`: 1024-based).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Value for ByteSize {
    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let factor: u64 = match lower.get(digits.len()..).map(str::trim) {
            Some("" | "b") => 1,
            Some("k" | "kb" | "kib") => 1 << 10,
            Some("m" | "mb" | "mib") => 1 << 20,
            Some("g" | "gb" | "gib") => 1 << 30,
            _ => return Err(format!("must be a size such as 64MiB, not {text:?}")),
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("must be a size such as 64MiB, not {text:?}"))
    }
}

/// Returns the text with the passwords of all its URLs replaced, for logs and the `config` command.
/// URLs may stand in a comma separated list; a password may hold any character but a blank.
pub fn mask_url(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(next) = next_url(rest) {
        let (url, tail) = rest.split_at(next);
        shown.push_str(&mask_one(url));
        shown.push(',');
        rest = tail.get(1..).unwrap_or_default();
    }
    shown.push_str(&mask_one(rest));
    shown
}

/// Returns where the comma is that ends the first URL of a list: one that another scheme follows.
fn next_url(text: &str) -> Option<usize> {
    text.match_indices(',').map(|(at, _)| at).find(|at| {
        let after = text.get(at + 1..).unwrap_or_default().trim_start();
        let scheme = after.split("://").next().unwrap_or_default();
        scheme.len() < after.len()
            && !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn mask_one(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A slash in a password is wrong, and no reason to print it.
    let shown = match before.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:****@{host}"),
            None => before.to_owned(),
        },
        None => before.to_owned(),
    };
    if query.is_empty() {
        return format!(
            "{scheme}://{shown}{}",
            rest.get(before.len()..).unwrap_or_default()
        );
    }
    let pairs: Vec<String> = query.split('&').map(mask_parameter).collect();
    format!("{scheme}://{shown}?{}", pairs.join("&"))
}

fn mask_parameter(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if ["password", "sslpassword"].contains(&name) => format!("{name}=****"),
        _ => pair.to_owned(),
    }
}
