// SPDX-License-Identifier: MPL-2.0
//! Which entries of a log are wanted, a page at a time.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use releng_common::{Error, Result};

/// Most entries of one page.
pub const PAGE_LIMIT: i64 = 1000;

/// Conditions on entries; all must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Text in the reason, without regard to the case of ASCII letters; empty: any.
    pub text: String,
    /// Text in the author's client id; empty: any.
    pub who: String,
    /// Not before, in UTC.
    pub since: NaiveDateTime,
    /// Before, in UTC.
    pub until: NaiveDateTime,
    /// Only entries older than the one with this id.
    pub before: Option<i32>,
    /// Most entries.
    pub limit: i64,
}

impl Default for LogQuery {
    fn default() -> Self {
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        Self {
            text: String::new(),
            who: String::new(),
            since: day(1).and_time(NaiveTime::MIN),
            until: day(9999).and_time(NaiveTime::MIN),
            before: None,
            limit: 50,
        }
    }
}

/// Reads a time in RFC 3339, or a day, which stands for its beginning in UTC. `name` is that of the
/// parameter.
///
/// # Errors
/// `InvalidInput` that names the parameter.
pub fn parse_time(name: &str, text: &str) -> Result<NaiveDateTime> {
    let day = || {
        text.parse::<NaiveDate>()
            .ok()
            .map(|d| d.and_time(NaiveTime::MIN))
    };
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| time.naive_utc())
        .ok()
        .or_else(day)
        .filter(|time| (1..=9999).contains(&chrono::Datelike::year(time)))
        .ok_or_else(|| {
            let form = "such as 2026-11-20 or 2026-11-20T06:00:00Z";
            Error::invalid(format!("query parameter {name:?} must be a time {form}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_or_moments_with_an_offset() {
        let parse = |text| parse_time("since", text).map(|t| t.to_string());
        assert_eq!(parse("2026-11-20").unwrap(), "2026-11-20 00:00:00");
        assert_eq!(
            parse("2026-11-20T06:00:00+02:00").unwrap(),
            "2026-11-20 04:00:00"
        );
        for bad in ["", "yesterday", "2026-11-20T06:00:00", "10000-01-01"] {
            let error = parse(bad).unwrap_err();
            assert!(error.message().contains("\"since\""), "{bad}");
        }
    }
}
