// SPDX-License-Identifier: MPL-2.0
//! How often and after which pauses a failed request is repeated.

use std::time::{Duration, SystemTime};

use rand::Rng as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};

const FIRST_PAUSE_SECS: f64 = 2.0;
const GROWTH: f64 = 1.5;
const LONGEST_PAUSE_SECS: f64 = 300.0;
/// Each pause is up to this part longer, so that many clients do not return in step.
const JITTER: f64 = 0.25;

/// The number of attempts, and a factor on every wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Attempts per URL, at least one; 5 unless told otherwise.
    pub tries: u32,
    /// Multiplies every wait. 1 outside of tests.
    pub scale: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries: 5,
            scale: 1.0,
        }
    }
}

impl Pace {
    /// Returns the pause after the given failed attempt (the first is 1): what the server asked
    /// for, or 2 s, 3 s, 4.5 s … plus jitter; never more than 300 s.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let own = FIRST_PAUSE_SECS * GROWTH.powi(exponent);
        let own = own * (1.0 + rand::rng().random_range(0.0..JITTER));
        let secs = asked
            .map_or(own, |asked| asked.as_secs_f64())
            .min(LONGEST_PAUSE_SECS);
        self.scaled(Duration::from_secs_f64(secs))
    }

    /// Returns a wait multiplied by the scale.
    pub fn scaled(&self, wait: Duration) -> Duration {
        Duration::try_from_secs_f64(wait.as_secs_f64() * self.scale).unwrap_or(wait)
    }
}

/// Tells whether a status may be different next time.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Reads `Retry-After`, in seconds or as a date.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_by_half_from_two_seconds_and_end_at_five_minutes() {
        let pace = Pace::default();
        for (attempt, least, most) in [
            (1, 2.0, 2.5),
            (2, 3.0, 3.75),
            (3, 4.5, 5.625),
            (4, 6.75, 8.4375),
            (40, 300.0, 300.0),
        ] {
            let secs = pace.pause(attempt, None).as_secs_f64();
            assert!((least..=most).contains(&secs), "{attempt}: {secs}");
        }
    }

    #[test]
    fn what_the_server_asks_for_goes_before_the_own_pause_but_is_capped() {
        let pace = Pace {
            tries: 5,
            scale: 0.5,
        };
        assert_eq!(
            pace.pause(1, Some(Duration::from_secs(10))),
            Duration::from_secs(5)
        );
        assert_eq!(
            pace.pause(1, Some(Duration::from_secs(86_400))),
            Duration::from_secs(150)
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (text, expected) in [
            ("7", Some(7)),
            ("Sun, 09 Sep 2001 01:47:10 GMT", Some(30)),
            ("Sun, 09 Sep 2001 01:46:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn only_statuses_that_may_pass_are_transient() {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert!(is_transient(status), "{status}");
        }
        for status in [200, 302, 400, 401, 403, 404, 409, 410, 416] {
            assert!(!is_transient(status), "{status}");
        }
    }
}
