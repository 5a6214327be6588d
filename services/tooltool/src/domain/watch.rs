// SPDX-License-Identifier: MPL-2.0
//! How long, and how often, a verified object is looked at again.

use chrono::{NaiveDateTime, TimeDelta};

/// Time after verification in which a PUT that began before its URL ended may come to its end. The
/// same time after which an upload that never came is given up.
const WATCHED_FOR: TimeDelta = TimeDelta::days(1);

/// A verified object that a late PUT may still replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Whose bucket holds it.
    pub region: String,
    /// Tag of the version that was verified.
    pub etag: String,
    /// When it was verified, in UTC.
    pub since: NaiveDateTime,
    /// When it is looked at next, in UTC.
    pub next_look: NaiveDateTime,
}

impl Watch {
    /// Begins a watch with a first look after some seconds.
    pub fn begin(region: &str, etag: &str, now: NaiveDateTime, first_secs: u32) -> Self {
        let first = TimeDelta::seconds(first_secs.into());
        Self {
            region: region.to_owned(),
            etag: etag.to_owned(),
            since: now,
            next_look: now.checked_add_signed(first).unwrap_or(now),
        }
    }

    /// Returns the watch after a look that found everything in order; `None` after the last one. Looks
    /// come at twice the age each: most late PUTs are late by minutes.
    pub fn after_look(&self, now: NaiveDateTime, first_secs: u32) -> Option<Self> {
        let age = now.signed_duration_since(self.since);
        if age >= WATCHED_FOR {
            return None;
        }
        let pause = age.max(TimeDelta::seconds(first_secs.into()));
        let last = self.since.checked_add_signed(WATCHED_FOR)?;
        Some(Self {
            next_look: now.checked_add_signed(pause)?.min(last),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_takes_a_dozen_looks_and_the_last_one_comes_at_its_end() {
        let start = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let mut watch = Watch::begin("r", "e", start, 60);
        let mut looks = Vec::new();
        loop {
            looks.push((watch.next_look - start).num_minutes());
            match watch.after_look(watch.next_look, 60) {
                Some(next) => watch = next,
                None => break,
            }
        }
        assert_eq!(looks, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]);
    }

    #[test]
    fn looks_that_come_late_move_the_next_one() {
        let start = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let watch = Watch::begin("r", "e", start, 60);
        let late = start + TimeDelta::hours(20);
        let next = watch.after_look(late, 60).unwrap();
        assert_eq!(next.next_look, start + TimeDelta::days(1));
        assert_eq!(next.after_look(start + TimeDelta::days(2), 60), None);
    }
}
