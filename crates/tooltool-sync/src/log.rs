// SPDX-License-Identifier: MPL-2.0
//! The log: a file that is rotated by size, or standard error. One line per message.

use std::{
    fmt::{self, Display},
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::stamp::Clock;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing can be done before somebody acts.
    Critical,
    /// Something of ours did not work.
    Error,
    /// Something of others is odd or wrong.
    Warning,
    /// What happens.
    Info,
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Info => "INFO",
        })
    }
}

/// Where log lines go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    file: Option<Arc<Mutex<RotatedFile>>>,
    /// What of the lines goes to standard error as well. Cron mails whatever appears there.
    stderr: Level,
    clock: Clock,
}

#[derive(Debug)]
struct RotatedFile {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Returns a log on standard error.
    pub fn stderr(clock: Clock) -> Self {
        Self {
            file: None,
            stderr: Level::Info,
            clock,
        }
    }

    /// Returns a log in a file; on standard error are the critical lines too, and all of them if
    /// that is a terminal.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn file(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = open(path)?;
        let path = path.to_owned();
        let is_watched = io::stderr().is_terminal();
        Ok(Self {
            file: Some(Arc::new(Mutex::new(RotatedFile { path, file }))),
            stderr: if is_watched {
                Level::Info
            } else {
                Level::Critical
            },
            clock,
        })
    }

    /// Begins a new file if the present one has at least `max_bytes`; `backups` old ones are kept
    /// as `NAME.1`, `NAME.2` and so on. Only who holds the lock may call this.
    ///
    /// # Errors
    /// The folder of the log cannot be written.
    pub fn rotate(&self, max_bytes: u64, backups: u32) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.file.metadata()?.len() < max_bytes {
            // Somebody else may have rotated it; then this handle is on a file of another name.
            file.file = open(&file.path)?;
            return Ok(());
        }
        let backup = |n: u32| PathBuf::from(format!("{}.{n}", file.path.display()));
        for n in (1..backups).rev() {
            match fs::rename(backup(n), backup(n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if backups == 0 {
            fs::remove_file(&file.path)?;
        } else {
            fs::rename(&file.path, backup(1))?;
        }
        file.file = open(&file.path)?;
        Ok(())
    }

    /// Writes a `CRITICAL` line.
    pub fn critical(&self, message: impl Display) {
        self.write(Level::Critical, &message);
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

    fn write(&self, level: Level, message: &dyn Display) {
        let line = format!("{level} - {}", one_line(&message.to_string()));
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // One write per line: lines of two processes do not mix. A full disk must not stop
            // the work.
            let line = format!("{} - {line}\n", self.clock.line());
            file.file.write_all(line.as_bytes()).ok();
        }
        if level <= self.stderr {
            writeln!(io::stderr(), "{line}").ok();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// File names and answers of servers may hold line breaks and terminal control sequences.
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
    fn a_full_file_makes_place_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let log = Log::file(&path, Clock::system()).unwrap();
        let text = |name: &str| fs::read_to_string(folder.path().join(name));
        for n in 0..4 {
            log.info(format_args!("line {n}\nsame line"));
            log.rotate(1, 2).unwrap();
        }
        assert_eq!(text("a.log").unwrap(), "");
        for (name, line) in [("a.log.1", "line 3"), ("a.log.2", "line 2")] {
            let text = text(name).unwrap();
            assert!(
                text.ends_with(&format!(" - INFO - {line}\\nsame line\n")),
                "{text}"
            );
        }
        assert!(text("a.log.3").is_err());
        log.rotate(1_000, 2).unwrap();
        assert!(text("a.log.1").unwrap().contains("line 3"));
        log.info("x");
        log.rotate(1, 0).unwrap();
        assert_eq!(text("a.log").unwrap(), "");
    }
}
