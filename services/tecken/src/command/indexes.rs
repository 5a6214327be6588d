// SPDX-License-Identifier: MPL-2.0
//! `build-indexes`: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use releng_common::{Clock, Error, Result};

use crate::ops::{self, Event, IndexJob, Outcome};
use crate::{Settings, State};

const BAR: &str = "[{wide_bar}] {human_pos}/{human_len} {per_sec} {eta:>4}";
/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Runs the job and prints what came of it.
pub(super) async fn build(settings: Settings, clock: Clock, job: IndexJob) -> Result<()> {
    let state = Box::pin(State::open(settings, clock)).await?;
    let display = Display::new();
    let totals = ops::index_build(&state, &job, &|event| display.show(event)).await;
    display.bar.finish_and_clear();
    let totals = totals?;
    super::print(&format!(
        "{} indexes made ({}), {} were there, {} files are no symbol files or too large, {} failed",
        totals.made,
        HumanBytes(totals.bytes),
        totals.present,
        totals.unusable,
        totals.failed
    ))?;
    if totals.failed > 0 {
        return Err(Error::unavailable(
            "some files have no index; start again to try them once more",
        ));
    }
    Ok(())
}

struct Display {
    bar: ProgressBar,
    is_terminal: bool,
    said_at: Mutex<Instant>,
}

impl Display {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self {
            bar,
            is_terminal,
            said_at: Mutex::new(Instant::now()),
        }
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Listed(count) => self.bar.inc_length(*count),
            Event::Done { file, outcome } => {
                self.bar.inc(1);
                match outcome {
                    Outcome::Unusable(why) => self.say(&format!("{file}: {why}")),
                    Outcome::Failed(error) => self.say(&format!("{file}: {}", error.chain())),
                    Outcome::Made(_) | Outcome::Present | Outcome::Gone => {}
                }
                self.say_now_and_then(file);
            }
        }
    }

    /// Without a terminal nobody sees the bar.
    fn say_now_and_then(&self, file: &str) {
        if self.is_terminal {
            return;
        }
        let Ok(mut said_at) = self.said_at.lock() else {
            return;
        };
        if said_at.elapsed() >= LINE_EVERY {
            *said_at = Instant::now();
            let (done, known) = (self.bar.position(), self.bar.length().unwrap_or_default());
            self.say(&format!("{done} of {known} files so far, last {file}"));
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| {
            // A closed stderr must not end the job.
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }
}
