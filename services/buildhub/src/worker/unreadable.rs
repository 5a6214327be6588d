// SPDX-License-Identifier: MPL-2.0
//! Files that are there and could not be read. The kernel need not tell when that changes, behind a
//! link or on a disk with errors, so they are tried again, less and less often.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

/// Most files that are remembered; others wait for a look at the whole folder.
const MAX: usize = 1_000;
/// Pause before the first try, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The files, and when they are tried again.
#[derive(Debug)]
pub(super) struct Unreadable {
    files: BTreeSet<PathBuf>,
    next_try: Instant,
    pause: Duration,
}

impl Unreadable {
    pub(super) fn new() -> Self {
        Self {
            files: BTreeSet::new(),
            next_try: Instant::now(),
            pause: FIRST_PAUSE,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns when the files are tried again.
    pub(super) fn next_try(&self) -> Instant {
        self.next_try
    }

    /// Adds files.
    pub(super) fn put(&mut self, files: Vec<PathBuf>) {
        if files.is_empty() {
            return;
        }
        if self.files.is_empty() {
            self.next_try = Instant::now() + self.pause;
        }
        let room = MAX.saturating_sub(self.files.len());
        self.files.extend(files.into_iter().take(room));
    }

    /// Takes the files for a try.
    pub(super) fn take(&mut self) -> BTreeSet<PathBuf> {
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        std::mem::take(&mut self.files)
    }

    /// Ends a round: when all could be read, the next trouble begins with short pauses again.
    pub(super) fn settle(&mut self) {
        if self.files.is_empty() {
            self.pause = FIRST_PAUSE;
        }
    }
}
