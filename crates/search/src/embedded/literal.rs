// SPDX-License-Identifier: MPL-2.0
//! Scalars of queries as values of number and date fields.

use chrono::{DateTime, Utc};

use super::matcher::Matcher;
use crate::error::SearchError;
use crate::query::date_math::{self, Rounding};
use crate::query::{Bound, Literal, Range};
use crate::schema::FieldInfo;

/// A number as an integer field sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Long {
    /// An integer.
    Whole(i64),
    /// A fraction: the integer below it.
    Between(i64),
}

/// Returns a scalar as integer.
///
/// # Errors
/// `Engine` for what is no number.
pub(super) fn long(value: &Literal) -> Result<Long, SearchError> {
    let text = value.to_text();
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Long::Whole(number));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            let floor = format!("{:.0}", number.floor());
            let limit = if number < 0.0 { i64::MIN } else { i64::MAX };
            match floor.parse::<i64>() {
                Ok(whole) if number.fract() == 0.0 => Ok(Long::Whole(whole)),
                Ok(below) => Ok(Long::Between(below)),
                Err(_) => Ok(Long::Between(limit)),
            }
        }
        _ => Err(SearchError::shard(
            "number_format_exception",
            format!("For input string: \"{text}\""),
        )),
    }
}

/// Returns the integers of a range, both ends included; nothing if the first is above the last.
pub(super) fn long_range(range: &Range) -> Result<(i64, i64), SearchError> {
    let from = match &range.lower {
        None => i64::MIN,
        Some(Bound {
            value,
            is_inclusive,
        }) => match long(value)? {
            Long::Whole(number) if *is_inclusive => number,
            Long::Whole(number) | Long::Between(number) => match number.checked_add(1) {
                Some(next) => next,
                None => return Ok(EMPTY),
            },
        },
    };
    let to = match &range.upper {
        None => i64::MAX,
        Some(Bound {
            value,
            is_inclusive,
        }) => match long(value)? {
            Long::Whole(number) if !is_inclusive => match number.checked_sub(1) {
                Some(before) => before,
                None => return Ok(EMPTY),
            },
            Long::Whole(number) | Long::Between(number) => number,
        },
    };
    Ok((from, to))
}

/// A range without integers.
const EMPTY: (i64, i64) = (1, 0);

/// Returns spans in order with those that overlap made one.
pub(super) fn disjoint(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// Returns the first and last millisecond of a date that may lack parts.
pub(super) fn date_span(
    info: &FieldInfo,
    value: &Literal,
    now: DateTime<Utc>,
) -> Result<(i64, i64), SearchError> {
    Ok((
        date(info, value, now, Rounding::Down, 0)?,
        date(info, value, now, Rounding::Up, 0)?,
    ))
}

/// Returns the milliseconds of a range, both ends included.
pub(super) fn date_range(
    info: &FieldInfo,
    range: &Range,
    now: DateTime<Utc>,
) -> Result<(i64, i64), SearchError> {
    let zone = range.zone_minutes;
    let from = match &range.lower {
        None => i64::MIN,
        Some(bound) if bound.is_inclusive => date(info, &bound.value, now, Rounding::Down, zone)?,
        Some(bound) => date(info, &bound.value, now, Rounding::Up, zone)?.saturating_add(1),
    };
    let to = match &range.upper {
        None => i64::MAX,
        Some(bound) if bound.is_inclusive => date(info, &bound.value, now, Rounding::Up, zone)?,
        Some(bound) => date(info, &bound.value, now, Rounding::Down, zone)?.saturating_sub(1),
    };
    Ok((from, to))
}

fn date(
    info: &FieldInfo,
    value: &Literal,
    now: DateTime<Utc>,
    rounding: Rounding,
    zone_minutes: i32,
) -> Result<i64, SearchError> {
    let text = value.to_text();
    date_math::parse(&text, now, rounding, zone_minutes).ok_or_else(|| {
        SearchError::shard(
            "parse_exception",
            format!(
                "failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis] in [{}]",
                info.name
            ),
        )
    })
}

/// Returns the test for texts of a range.
pub(super) fn text_span(range: &Range) -> Matcher {
    let end = |bound: &Option<Bound>| {
        bound
            .as_ref()
            .map(|bound| (bound.value.to_text(), bound.is_inclusive))
    };
    Matcher::Between {
        lower: end(&range.lower),
        upper: end(&range.upper),
    }
}
