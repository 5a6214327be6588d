// SPDX-License-Identifier: MPL-2.0
//! How the text of a setting becomes a value.

use std::path::PathBuf;

/// A type that a setting can have.
pub trait Value: Sized {
    /// Parses the text of a setting.
    ///
    /// # Errors
    /// A sentence that says which rule the text breaks.
    fn parse(text: &str) -> Result<Self, String>;

    /// Returns the value of a setting that is absent and has no default; by default an error.
    ///
    /// # Errors
    /// The sentence for a missing setting.
    fn absent() -> Result<Self, String> {
        Err("is required".to_owned())
    }
}

impl<T: Value> Value for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn absent() -> Result<Self, String> {
        Ok(None)
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
/// Anything else is an error: a misspelt switch must not silently be off.
impl Value for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "y" | "on" => Ok(true),
            "0" | "false" | "no" | "n" | "off" | "" => Ok(false),
            _ => Err(format!("must be true or false, not {text:?}")),
        }
    }
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

/// Returns the text with the password of a URL replaced, for logs and the `config` command.
pub fn mask_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            let colon = if login.contains(':') { ":****" } else { "" };
            format!("{scheme}://{user}{colon}@{host}{tail}")
        }
        None => text.to_owned(),
    }
}
