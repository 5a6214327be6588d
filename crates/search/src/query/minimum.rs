// SPDX-License-Identifier: MPL-2.0
//! `minimum_should_match`: how many of several optional clauses must match.

use serde_json::Value;

use crate::error::SearchError;

/// A number of clauses, as count or share; negative ones count what may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimum {
    /// `2`, `-1`.
    Count(i64),
    /// `75%`, `-25%`.
    Percent(i64),
}

impl Minimum {
    /// Reads a number, digits or a percentage.
    ///
    /// # Errors
    /// `Engine` for anything else, also for the conditional forms (`3<90%`).
    pub fn parse(value: &Value) -> Result<Self, SearchError> {
        let refused = || {
            SearchError::illegal_argument(format!(
                "[minimum_should_match] must be an integer or a percentage, not {value}"
            ))
        };
        match value {
            Value::Number(number) => number.as_i64().map(Self::Count).ok_or_else(refused),
            Value::String(text) => match text.trim().strip_suffix('%') {
                Some(percent) => percent
                    .trim()
                    .parse()
                    .map(Self::Percent)
                    .map_err(|_| refused()),
                None => text.trim().parse().map(Self::Count).map_err(|_| refused()),
            },
            _ => Err(refused()),
        }
    }

    /// Returns how many of `clauses` must match; shares are rounded down, of what may be missing
    /// too.
    pub fn of(self, clauses: usize) -> usize {
        let total = i64::try_from(clauses).unwrap_or(i64::MAX);
        let wanted = match self {
            Self::Count(count) if count < 0 => total.saturating_add(count),
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let share = total.saturating_mul(percent) / 100;
                if percent < 0 {
                    total.saturating_add(share)
                } else {
                    share
                }
            }
        };
        usize::try_from(wanted.max(0)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_and_shares_give_the_number_that_must_match() {
        for (value, clauses, expected) in [
            (json!(2), 3, 2),
            (json!("5"), 3, 5),
            (json!(-1), 3, 2),
            (json!(-7), 3, 0),
            (json!("75%"), 5, 3),
            (json!("-25%"), 5, 4),
        ] {
            assert_eq!(
                Minimum::parse(&value).unwrap().of(clauses),
                expected,
                "{value}"
            );
        }
    }
}
