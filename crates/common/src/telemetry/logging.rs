// SPDX-License-Identifier: MPL-2.0
//! Sets up `tracing`: one event, one line on stderr, as text for people or as MozLog for machines.

use std::io::IsTerminal;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::mozlog::MozLog;
use super::sink::{Sink, ToSink};
use crate::config::Invalid;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, message, fields.
    Text,
    /// MozLog 2.0: one JSON object per line (platform.md §7).
    Mozlog,
}

impl Format {
    /// Parses `LOG_FORMAT`; absent means text on a terminal and MozLog elsewhere.
    ///
    /// # Errors
    /// Any other word.
    pub fn parse(text: Option<&str>) -> Result<Self, Invalid> {
        match text {
            Some("text") => Ok(Self::Text),
            Some("mozlog") => Ok(Self::Mozlog),
            Some(_) => Err(Invalid::new("LOG_FORMAT", "must be text or mozlog")),
            None if std::io::stderr().is_terminal() => Ok(Self::Text),
            None => Ok(Self::Mozlog),
        }
    }
}

/// Installs the logger of the process. `logger` names the service in lines whose origin does not.
///
/// Quiet when a logger is installed already, as in tests that start several services.
///
/// # Errors
/// `level` is neither a level nor a list of `target=level`.
pub fn init(logger: &'static str, format: Format, level: &str) -> Result<(), Invalid> {
    // `Targets` takes a misspelt level for the name of a target, and then nothing is logged at all.
    let is_known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    if level.trim().is_empty() || !level.split(',').all(is_known) {
        return Err(bad_level(level));
    }
    let filter: Targets = level.parse().map_err(|_| bad_level(level))?;
    // actix reports every malformed request head as an error: strangers must not fill the log.
    let filter = if level.contains("actix_http") {
        filter
    } else {
        filter.with_target("actix_http", LevelFilter::OFF)
    };
    // The start and stop of its threads are told by one line of our own.
    let filter = if level.contains("actix_server") {
        filter
    } else {
        filter.with_target("actix_server", LevelFilter::WARN)
    };
    let registry = tracing_subscriber::registry();
    // A second call fails in try_init: the first logger stays, which is what tests want.
    let _ = match format {
        Format::Mozlog => registry
            .with(MozLog::new(logger).with_filter(filter))
            .try_init(),
        Format::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(ToSink)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_filter(filter),
            )
            .try_init(),
    };
    Ok(())
}

/// Writes out what was logged; before the process ends, and before it says anything else on stderr.
pub fn flush() {
    Sink::global().flush();
}

fn bad_level(text: &str) -> Invalid {
    Invalid::new(
        "LOG_LEVEL",
        format!("must be a level such as info, not {text:?}"),
    )
}
