// SPDX-License-Identifier: MPL-2.0
//! What the client tells people: log lines, `LEVEL - message`, one line each on standard error, and
//! progress bars where these are wanted.

use std::{
    fmt::{self, Display},
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use crate::progress::Progress;

/// How important a line is; the order is from most to least important.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something that was asked for did not happen.
    Error,
    /// Something is odd, but the work goes on.
    Warning,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        })
    }
}

/// Where log lines go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    threshold: Level,
    memory: Option<Arc<Mutex<Vec<String>>>>,
    progress: Progress,
}

impl Log {
    /// Returns a log on standard error that drops lines less important than `threshold`.
    pub fn stderr(threshold: Level) -> Self {
        Self {
            threshold,
            memory: None,
            progress: Progress::default(),
        }
    }

    /// Returns a log that keeps its lines; [`Log::lines`] gives them back.
    pub fn memory(threshold: Level) -> Self {
        Self {
            threshold,
            memory: Some(Arc::default()),
            progress: Progress::default(),
        }
    }

    /// Returns the log with progress bars, which its lines are kept clear of.
    #[must_use]
    pub fn with_progress(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    /// Returns the progress bars; without any, nothing is shown.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns what a log in memory has kept; nothing for one on standard error.
    pub fn lines(&self) -> Vec<String> {
        self.memory
            .as_ref()
            .map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    /// Writes an `ERROR` line.
    pub fn error(&self, message: impl Display) {
        self.write(Level::Error, &message);
    }

    /// Writes a `WARNING` line.
    pub fn warning(&self, message: impl Display) {
        self.write(Level::Warning, &message);
    }

    /// Writes an `INFO` line.
    pub fn info(&self, message: impl Display) {
        self.write(Level::Info, &message);
    }

    /// Writes a `DEBUG` line.
    pub fn debug(&self, message: impl Display) {
        self.write(Level::Debug, &message);
    }

    fn write(&self, level: Level, message: &dyn Display) {
        if level > self.threshold {
            return;
        }
        let mut line = format!("{level} - {}", one_line(&message.to_string()));
        if let Some(lines) = &self.memory {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            return lines.push(line);
        }
        line.push('\n');
        // In one piece, since others may write to the same terminal or file. Nobody is left to tell
        // when standard error is closed.
        self.progress
            .beside(|| std::io::stderr().write_all(line.as_bytes()))
            .ok();
    }
}

/// File names and server answers may hold line breaks and terminal control sequences; the log
/// promises one line per message, so those appear escaped.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_below_the_threshold_are_dropped() {
        let log = Log::memory(Level::Warning);
        log.error("a");
        log.warning("b");
        log.info("c");
        log.debug("d");
        assert_eq!(log.lines(), ["ERROR - a", "WARNING - b"]);
    }

    #[test]
    fn control_characters_are_escaped_so_that_a_message_stays_one_line() {
        let log = Log::memory(Level::Debug);
        log.debug("a\nERROR - forged\u{1b}[2J é");
        assert_eq!(log.lines(), ["DEBUG - a\\nERROR - forged\\u{1b}[2J é"]);
    }
}
