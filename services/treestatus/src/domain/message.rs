// SPDX-License-Identifier: MPL-2.0
//! A message in the outbox.

use std::time::Duration;

use chrono::NaiveDateTime;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The exchange on Pulse.
    Pulse,
    /// The page on Statuspage.
    Statuspage,
    /// Somebody, by mail, that Statuspage could not be told.
    Mail,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pulse, Self::Statuspage, Self::Mail];

    /// Returns the word of the tables and of the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pulse => "pulse",
            Self::Statuspage => "statuspage",
            Self::Mail => "mail",
        }
    }
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The target has it.
    Sent,
    /// A later one made it pointless.
    Superseded,
    /// The target refused it, or did not take it in time.
    GivenUp,
}

impl Ending {
    /// Returns the word of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Superseded => "superseded",
            Self::GivenUp => "given up",
        }
    }
}

/// A message that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Who is told.
    pub target: Target,
    /// Which tree it is about.
    pub tree: String,
    /// Same for every attempt to send it.
    pub message_id: String,
    /// When the change was made.
    pub at: NaiveDateTime,
    /// JSON: for mails the order, else the change of the status.
    pub body: String,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place: the messages about one tree are in the order of its changes.
    pub id: i64,
    /// Which tree it is about.
    pub tree: String,
    /// Same for every attempt to send it.
    pub message_id: String,
    /// When the change was made.
    pub at: NaiveDateTime,
    /// JSON.
    pub body: String,
    /// Attempts that were begun.
    pub attempts: i32,
    /// Whether a mail about its failure was ordered.
    pub is_reported: bool,
    /// It is not tried before.
    pub next_at: Option<NaiveDateTime>,
}

/// Messages that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub count: i64,
    /// When the oldest was written.
    pub oldest: Option<NaiveDateTime>,
}

/// Returns the pause after so many failed attempts: a second, then twice as long each time.
pub fn pause(attempts: u32, max: Duration) -> Duration {
    let doubled = Duration::from_secs(1).checked_mul(1 << attempts.saturating_sub(1).min(16));
    doubled.map_or(max, |pause| pause.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let max = Duration::from_secs(60);
        let pauses = [1, 2, 3, 6, 7, 50].map(|attempts| pause(attempts, max).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
        assert_eq!(pause(u32::MAX, Duration::from_secs(3600)).as_secs(), 3600);
        assert_eq!(pause(0, max).as_secs(), 1);
    }
}
