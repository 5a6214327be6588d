// SPDX-License-Identifier: MPL-2.0
//! The timestamps that mark what has been processed.

use chrono::{Local, NaiveDateTime, TimeDelta};

const FORMAT: &str = "%Y_%m_%d-%H.%M.%S";
/// One character for each of a timestamp's: `0` for a digit, everything else for itself.
const SHAPE: &[u8] = b"0000_00_00-00.00.00";

/// Where the time comes from; a test has its own.
#[derive(Debug, Clone, Copy)]
pub struct Clock(fn() -> NaiveDateTime);

impl Clock {
    /// Returns the clock of the machine, in local time.
    pub fn system() -> Self {
        Self(|| Local::now().naive_local())
    }

    /// Returns a clock that shows what a function says.
    pub fn fixed(now: fn() -> NaiveDateTime) -> Self {
        Self(now)
    }

    /// Returns the time for a log line.
    pub fn line(self) -> String {
        (self.0)().format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Returns a timestamp that is not taken. It has whole seconds, so two packages of one name
    /// within one second get the next one.
    ///
    /// # Errors
    /// Whatever `is_taken` reports.
    pub fn stamp<E>(self, is_taken: impl Fn(&str) -> Result<bool, E>) -> Result<String, E> {
        let mut time = (self.0)();
        loop {
            let stamp = time.format(FORMAT).to_string();
            if !is_taken(&stamp)? {
                return Ok(stamp);
            }
            time += TimeDelta::seconds(1);
        }
    }
}

/// Tells whether a name begins with a timestamp.
pub fn begins(name: &[u8]) -> bool {
    name.len() >= SHAPE.len()
        && name.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> NaiveDateTime {
        chrono::NaiveDate::from_ymd_opt(2026, 3, 9)
            .unwrap()
            .and_hms_opt(12, 0, 59)
            .unwrap()
    }

    #[test]
    fn a_taken_timestamp_is_followed_by_the_next_second() {
        let clock = Clock::fixed(noon);
        let taken = |stamp: &str| Ok::<_, ()>(stamp.ends_with("59"));
        assert_eq!(
            clock.stamp(|_| Ok::<_, ()>(false)).unwrap(),
            "2026_03_09-12.00.59"
        );
        assert_eq!(clock.stamp(taken).unwrap(), "2026_03_09-12.01.00");
        assert!(clock.stamp(|_| Err("unreadable")).is_err());
    }

    #[test]
    fn a_timestamp_is_known_by_its_shape() {
        for (name, expected) in [
            ("2026_03_09-12.00.59.a.tt", true),
            ("2026_03_09-12.00.59", true),
            ("2026_03_09-12.00.5", false),
            ("2026-03-09-12.00.59.a.tt", false),
            ("a.2026_03_09-12.00.59.tt", false),
            ("202x_03_09-12.00.59.a.tt", false),
            ("", false),
        ] {
            assert_eq!(begins(name.as_bytes()), expected, "{name}");
        }
    }
}
