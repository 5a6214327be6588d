// SPDX-License-Identifier: MPL-2.0
//! What the change feed tells of a tree.

use std::fmt;
use std::str::FromStr;

/// What happened to a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was made.
    Created,
    /// Its status, reason, tags, message of the day or category changed, or a log entry was corrected.
    Changed,
    /// It is gone.
    Deleted,
}

impl Happened {
    /// Returns the name of the event on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// A place in the feed. It orders events as they became visible; its text is the id of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The transaction; 0 with SQLite.
    pub tx: i64,
    /// The row.
    pub id: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.tx, self.id)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (tx, id) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse().ok().filter(|n: &i64| *n >= 0).ok_or(());
        Ok(Self {
            tx: number(tx)?,
            id: number(id)?,
        })
    }
}

/// One event of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its place.
    pub cursor: Cursor,
    /// Its JSON, one line.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_cursor_leads_back_to_it() {
        let cursor = Cursor { tx: 12, id: 5 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "5", "-", "1-", "-1-2", "a-b", "1-99999999999999999999"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
