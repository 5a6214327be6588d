// SPDX-License-Identifier: MPL-2.0
//! Moments as both databases store them: UTC, without a zone, in microseconds.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

/// Returns the moment `span` after `now`, cut to microseconds. The limits keep spans far from where
/// the calendar ends.
pub(crate) fn after(now: NaiveDateTime, span: Duration) -> NaiveDateTime {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    now.checked_add_signed(TimeDelta::microseconds(micros))
        .unwrap_or(NaiveDateTime::MAX)
}
