// SPDX-License-Identifier: MPL-2.0
//! For how long a tree was closed, and because of what: its log read in the order of time.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDateTime, NaiveTime, TimeDelta};
use releng_common::{Error, Result};

use super::{LogEntry, NO_CHANGE, Status};

/// Most periods of one answer: a year by days.
const PERIODS_LIMIT: usize = 400;

/// How long one period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// From midnight to midnight, UTC.
    Day,
    /// From Monday to Monday.
    Week,
}

impl Per {
    /// Parses the text of the wire.
    ///
    /// # Errors
    /// `InvalidInput` that lists the names.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "day" => Ok(Self::Day),
            "week" => Ok(Self::Week),
            _ => {
                let text = "query parameter \"per\" must be one of 'day', 'week'";
                Err(Error::invalid(text))
            }
        }
    }

    /// Returns the text of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// Returns the beginning of the period that a moment lies in.
    fn start(self, at: NaiveDateTime) -> NaiveDateTime {
        let back = match self {
            Self::Day => 0,
            Self::Week => at.weekday().num_days_from_monday(),
        };
        let day = at.date().checked_sub_days(Days::new(back.into()));
        day.unwrap_or(at.date()).and_time(NaiveTime::MIN)
    }

    fn length(self) -> Days {
        match self {
            Self::Day => Days::new(1),
            Self::Week => Days::new(7),
        }
    }

    /// Returns where the last days or weeks begin that are shown when nobody asks for others.
    fn usual_start(self, now: NaiveDateTime) -> NaiveDateTime {
        let back = match self {
            Self::Day => Days::new(13),
            Self::Week => Days::new(7 * 11),
        };
        let start = self.start(now);
        start.checked_sub_days(back).unwrap_or(start)
    }
}

/// Which time is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosureQuery {
    /// From here, in UTC.
    pub since: NaiveDateTime,
    /// To here.
    pub until: NaiveDateTime,
    /// Cut into these.
    pub per: Per,
}

impl ClosureQuery {
    /// Checks a question asked at `now`; what is left out is the last 14 days or 12 weeks.
    ///
    /// # Errors
    /// `InvalidInput` for a time that ends before it begins or has too many periods.
    pub fn new(
        since: Option<NaiveDateTime>,
        until: Option<NaiveDateTime>,
        per: Per,
        now: NaiveDateTime,
    ) -> Result<Self> {
        let until = until.unwrap_or(now);
        let since = since.unwrap_or_else(|| per.usual_start(until));
        if since >= until {
            let text = "query parameter \"since\" must be before \"until\", which is now when it is left out";
            return Err(Error::invalid(text));
        }
        let query = Self { since, until, per };
        if query.bounds().nth(PERIODS_LIMIT).is_some() {
            let per = per.as_str();
            let text = format!(
                "query parameters \"since\" and \"until\" must be at most {PERIODS_LIMIT} {per}s apart"
            );
            return Err(Error::invalid(text));
        }
        Ok(query)
    }

    /// Returns beginning and end of each period.
    fn bounds(self) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> {
        let mut from = self.since;
        std::iter::from_fn(move || {
            if from >= self.until {
                return None;
            }
            let next = self.per.start(from).checked_add_days(self.per.length());
            let to = next.unwrap_or(self.until).min(self.until);
            let period = (from, to);
            from = to;
            Some(period)
        })
    }
}

/// One day or week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its beginning.
    pub since: NaiveDateTime,
    /// Its end.
    pub until: NaiveDateTime,
    /// How much of it is known: the log says nothing about the time before it, nor about what comes.
    pub known: TimeDelta,
    /// For how long the tree was closed, by reason category; the empty one is for closures without.
    pub closed: BTreeMap<String, TimeDelta>,
}

impl Period {
    fn new((since, until): (NaiveDateTime, NaiveDateTime)) -> Self {
        Self {
            since,
            until,
            known: TimeDelta::zero(),
            closed: BTreeMap::new(),
        }
    }

    /// Returns for how long the tree was closed.
    pub fn closed_for(&self) -> TimeDelta {
        self.closed
            .values()
            .fold(TimeDelta::zero(), |sum, time| sum + *time)
    }

    /// Returns which share of the known time a time is, in thousandths.
    pub fn permille(&self, time: TimeDelta) -> i64 {
        let known = self.known.num_milliseconds();
        let half = known / 2;
        (time.num_milliseconds() * 1000 + half)
            .checked_div(known)
            .unwrap_or(0)
    }
}

/// What is in force from some moment on: the category when the tree is closed.
type Spell = Option<String>;

/// Adds a log up, entry by entry: memory does not grow with it.
#[derive(Debug)]
pub struct Closures {
    periods: Vec<Period>,
    /// The first period that is not over yet.
    at: usize,
    state: Option<(NaiveDateTime, Spell)>,
}

impl Closures {
    /// Begins with nothing known.
    pub fn new(query: &ClosureQuery) -> Self {
        Self {
            periods: query.bounds().map(Period::new).collect(),
            at: 0,
            state: None,
        }
    }

    /// Takes the next entry in the order of time. One that changes no status keeps it; when it names
    /// a category, a closure goes on under that.
    pub fn take(&mut self, entry: &LogEntry) {
        let category = entry.tags.iter().find(|tag| !tag.is_empty());
        let spell = if entry.status == NO_CHANGE {
            let Some((_, spell)) = &self.state else {
                return;
            };
            spell.clone().map(|old| category.cloned().unwrap_or(old))
        } else if entry.status == Status::Closed.as_str() {
            Some(category.cloned().unwrap_or_default())
        } else {
            None
        };
        self.close(entry.when);
        self.state = Some((entry.when, spell));
    }

    /// Returns the periods; what was in force last is so until `now`.
    pub fn finish(mut self, now: NaiveDateTime) -> Vec<Period> {
        self.close(now);
        self.periods
    }

    /// Adds the time from the last entry to `until`.
    fn close(&mut self, until: NaiveDateTime) {
        let Some((from, spell)) = self.state.take() else {
            return;
        };
        for period in self.periods.iter_mut().skip(self.at) {
            if period.since >= until {
                break;
            }
            let time = until.min(period.until) - from.max(period.since);
            if time > TimeDelta::zero() {
                period.known += time;
                if let Some(category) = &spell {
                    *period.closed.entry(category.clone()).or_default() += time;
                }
            }
            if period.until <= until {
                self.at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
