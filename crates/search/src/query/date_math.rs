// SPDX-License-Identifier: MPL-2.0
//! Dates as queries and documents write them: whole or partial ISO 8601, milliseconds since 1970,
//! and expressions such as `now-1d/d` or `2019-01-01||+1M/M`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

/// What the missing parts of a date, and rounding, mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// The first millisecond: lower ends that belong to a range, upper ends that do not.
    Down,
    /// The last millisecond: the other two.
    Up,
}

/// Returns the milliseconds since 1970 that an expression means; `None` if it is no date.
pub fn parse(
    expression: &str,
    now: DateTime<Utc>,
    rounding: Rounding,
    zone_minutes: i32,
) -> Option<i64> {
    let (start, math) = if let Some(math) = expression.strip_prefix("now") {
        (now, math)
    } else if let Some((anchor, math)) = expression.split_once("||") {
        let rounding = if math.is_empty() {
            rounding
        } else {
            Rounding::Down
        };
        (
            DateTime::from_timestamp_millis(moment(anchor, rounding, zone_minutes)?)?,
            math,
        )
    } else {
        return moment(expression, rounding, zone_minutes);
    };
    let zone = TimeDelta::minutes(i64::from(zone_minutes));
    let local = calculate(start.checked_add_signed(zone)?, math, rounding)?;
    Some(local.checked_sub_signed(zone)?.timestamp_millis())
}

/// Returns the milliseconds since 1970 of a date in a document; `None` if it is no date.
pub fn document_date(text: &str) -> Option<i64> {
    moment(text.trim(), Rounding::Down, 0)
}

/// Returns the minutes east of Greenwich of `+01:00`, `Z` or `UTC`.
pub fn zone_minutes(zone: &str) -> Option<i32> {
    if matches!(zone, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, digits) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let (hours, minutes) = (number::<i32>(hours, 1..=2)?, number::<i32>(minutes, 1..=2)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Tells whether a `format` of a range means dates as this module reads them anyway.
pub fn knows_format(format: &str) -> bool {
    format.split("||").all(|part| {
        matches!(
            part,
            "strict_date_optional_time"
                | "date_optional_time"
                | "epoch_millis"
                | "strict_date"
                | "date"
                | "strict_date_time"
                | "date_time"
                | "yyyy-MM-dd"
                | "yyyy-MM"
                | "yyyy"
        )
    })
}

/// Reads digits of a length in a range; signs and blanks are no digits.
fn number<T: std::str::FromStr>(text: &str, len: std::ops::RangeInclusive<usize>) -> Option<T> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits && len.contains(&text.len()))
        .then(|| text.parse().ok())
        .flatten()
}

fn moment(text: &str, rounding: Rounding, zone_minutes: i32) -> Option<i64> {
    calendar(text, rounding, zone_minutes).or_else(|| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        number::<i64>(digits, 1..=18).map(|millis| if digits == text { millis } else { -millis })
    })
}

/// Reads `2018`, `2018-05`, `2018-05-10`, each with a time down to any unit after a `T`.
fn calendar(text: &str, rounding: Rounding, default_zone: i32) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number::<i32>(parts.next()?, 4..=4)?;
    let month = parts
        .next()
        .map(|part| number::<u32>(part, 2..=2).ok_or(()))
        .transpose()
        .ok()?;
    let day = parts
        .next()
        .map(|part| number::<u32>(part, 2..=2).ok_or(()))
        .transpose()
        .ok()?;
    if parts.next().is_some() {
        return None;
    }
    let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    // `2018-05T` names no day: a time needs a whole date, except an empty one.
    let Some(time) = time.filter(|time| !time.is_empty()) else {
        let unit = match (month, day) {
            (None, _) => Unit::Year,
            (Some(_), None) => Unit::Month,
            (Some(_), Some(_)) => Unit::Day,
        };
        let start = first.and_time(NaiveTime::MIN).and_utc();
        let zone = TimeDelta::minutes(i64::from(default_zone));
        return Some(
            end_of(start, unit, rounding)?
                .checked_sub_signed(zone)?
                .timestamp_millis(),
        );
    };
    day?;
    clock_time(first, time, rounding, default_zone)
}

fn clock_time(date: NaiveDate, text: &str, rounding: Rounding, default_zone: i32) -> Option<i64> {
    let zone_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at_checked(zone_at)?;
    let zone = if zone.is_empty() {
        default_zone
    } else {
        zone_minutes(zone)?
    };
    let (clock, fraction) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = clock.split(':');
    let hour = number::<u32>(parts.next()?, 2..=2)?;
    let minute = parts
        .next()
        .map(|part| number::<u32>(part, 2..=2).ok_or(()))
        .transpose()
        .ok()?;
    let second = parts
        .next()
        .map(|part| number::<u32>(part, 2..=2).ok_or(()))
        .transpose()
        .ok()?;
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let time = NaiveTime::from_hms_opt(hour, minute.unwrap_or(0), second.unwrap_or(0))?;
    let start = date.and_time(time).and_utc();
    let millis = fraction
        .map(|digits| millis_of(digits).ok_or(()))
        .transpose()
        .ok()?;
    let unit = match (minute, second) {
        (None, _) => Unit::Hour,
        (Some(_), None) => Unit::Minute,
        (Some(_), Some(_)) => Unit::Second,
    };
    let local = match millis {
        Some(millis) => start.checked_add_signed(TimeDelta::milliseconds(millis))?,
        None => end_of(start, unit, rounding)?,
    };
    let zone = TimeDelta::minutes(i64::from(zone));
    Some(local.checked_sub_signed(zone)?.timestamp_millis())
}

/// Cuts a fraction of a second to milliseconds.
fn millis_of(digits: &str) -> Option<i64> {
    number::<u64>(digits, 1..=9)?;
    let padded: String = digits.chars().chain("00".chars()).take(3).collect();
    padded.parse().ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn of(letter: char) -> Option<Self> {
        match letter {
            'y' => Some(Self::Year),
            'M' => Some(Self::Month),
            'w' => Some(Self::Week),
            'd' => Some(Self::Day),
            'h' | 'H' => Some(Self::Hour),
            'm' => Some(Self::Minute),
            's' => Some(Self::Second),
            _ => None,
        }
    }
}

/// Returns the start of a unit, or its last millisecond when rounding up.
fn end_of(start: DateTime<Utc>, unit: Unit, rounding: Rounding) -> Option<DateTime<Utc>> {
    match rounding {
        Rounding::Down => Some(start),
        Rounding::Up => add(start, 1, unit)?.checked_sub_signed(TimeDelta::milliseconds(1)),
    }
}

/// Works off `+1d`, `-2M` and `/d` one after the other.
fn calculate(start: DateTime<Utc>, math: &str, rounding: Rounding) -> Option<DateTime<Utc>> {
    let mut at = start;
    let mut rest = math;
    while let Some(operator) = rest.chars().next() {
        rest = rest.strip_prefix(operator)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at_checked(digits)?;
        let letter = after.chars().next()?;
        let unit = Unit::of(letter)?;
        rest = after.strip_prefix(letter)?;
        let count = if count.is_empty() {
            1
        } else {
            number::<i64>(count, 1..=9)?
        };
        at = match operator {
            '+' => add(at, count, unit)?,
            '-' => add(at, -count, unit)?,
            '/' if count == 1 => end_of(floor(at, unit)?, unit, rounding)?,
            _ => return None,
        };
    }
    Some(at)
}

fn add(at: DateTime<Utc>, count: i64, unit: Unit) -> Option<DateTime<Utc>> {
    let seconds = match unit {
        Unit::Year => return add_months(at, count.checked_mul(12)?),
        Unit::Month => return add_months(at, count),
        Unit::Week => 7 * 86_400,
        Unit::Day => 86_400,
        Unit::Hour => 3_600,
        Unit::Minute => 60,
        Unit::Second => 1,
    };
    at.checked_add_signed(TimeDelta::try_seconds(count.checked_mul(seconds)?)?)
}

fn add_months(at: DateTime<Utc>, count: i64) -> Option<DateTime<Utc>> {
    let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
    if count < 0 {
        at.checked_sub_months(months)
    } else {
        at.checked_add_months(months)
    }
}

fn floor(at: DateTime<Utc>, unit: Unit) -> Option<DateTime<Utc>> {
    let day = at.date_naive();
    let days_into_week = u64::from(day.weekday().num_days_from_monday());
    let date = match unit {
        Unit::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1)?,
        Unit::Month => day.with_day(1)?,
        Unit::Week => day.checked_sub_days(Days::new(days_into_week))?,
        Unit::Day => day,
        Unit::Hour => return floor_seconds(at, 3_600),
        Unit::Minute => return floor_seconds(at, 60),
        Unit::Second => return floor_seconds(at, 1),
    };
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

fn floor_seconds(at: DateTime<Utc>, seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.timestamp().div_euclid(seconds) * seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expression: &str, rounding: Rounding) -> Option<String> {
        let now = DateTime::parse_from_rfc3339("2019-03-20T13:45:30.250Z")
            .unwrap()
            .to_utc();
        let millis = parse(expression, now, rounding, 0)?;
        Some(
            DateTime::from_timestamp_millis(millis)?
                .format("%FT%T%.3f")
                .to_string(),
        )
    }

    #[test]
    fn missing_parts_are_the_first_or_the_last_moment() {
        for (text, down, up) in [
            ("2018", "2018-01-01T00:00:00.000", "2018-12-31T23:59:59.999"),
            (
                "2018-02",
                "2018-02-01T00:00:00.000",
                "2018-02-28T23:59:59.999",
            ),
            (
                "2018-05-10",
                "2018-05-10T00:00:00.000",
                "2018-05-10T23:59:59.999",
            ),
            (
                "2018-05-10T18",
                "2018-05-10T18:00:00.000",
                "2018-05-10T18:59:59.999",
            ),
            (
                "2018-05-10T18:02:17Z",
                "2018-05-10T18:02:17.000",
                "2018-05-10T18:02:17.999",
            ),
            (
                "2018-05-10T18:02:17.559812+02:00",
                "2018-05-10T16:02:17.559",
                "2018-05-10T16:02:17.559",
            ),
            (
                "1525975337559",
                "2018-05-10T18:02:17.559",
                "2018-05-10T18:02:17.559",
            ),
        ] {
            assert_eq!(read(text, Rounding::Down).as_deref(), Some(down), "{text}");
            assert_eq!(read(text, Rounding::Up).as_deref(), Some(up), "{text}");
        }
    }

    #[test]
    fn expressions_add_and_round_from_left_to_right() {
        for (text, down, up) in [
            ("now", "2019-03-20T13:45:30.250", "2019-03-20T13:45:30.250"),
            (
                "now-1d/d",
                "2019-03-19T00:00:00.000",
                "2019-03-19T23:59:59.999",
            ),
            (
                "now/w",
                "2019-03-18T00:00:00.000",
                "2019-03-24T23:59:59.999",
            ),
            (
                "now/M-1y",
                "2018-03-01T00:00:00.000",
                "2018-03-31T23:59:59.999",
            ),
            (
                "2019-01-31||+1M",
                "2019-02-28T00:00:00.000",
                "2019-02-28T00:00:00.000",
            ),
            (
                "2019-01-17||/M",
                "2019-01-01T00:00:00.000",
                "2019-01-31T23:59:59.999",
            ),
        ] {
            assert_eq!(read(text, Rounding::Down).as_deref(), Some(down), "{text}");
            assert_eq!(read(text, Rounding::Up).as_deref(), Some(up), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "2018-13",
            "2018-02-30",
            "2018-5-1",
            "now+",
            "now-1q",
            "now/2d",
            "2018-05-10T25",
            "2018-05-10T18:02:17.",
            "20180510T1",
            "now+999999999999d",
            "2018||x",
        ] {
            assert_eq!(read(text, Rounding::Up), None, "{text}");
        }
    }

    #[test]
    fn zones_are_minutes_east() {
        assert_eq!(zone_minutes("+01:30"), Some(90));
        assert_eq!(zone_minutes("-0500"), Some(-300));
        assert_eq!(zone_minutes("Z"), Some(0));
        assert_eq!(zone_minutes("Europe/Berlin"), None);
    }
}
