// SPDX-License-Identifier: MPL-2.0
//! Watches the archive folder. The kernel tells of every file that was closed after writing, moved
//! in or linked; a look at the whole folder at the start, after an overflow and now and then finds
//! what it did not tell. What was dealt with is remembered in the database, so a look is cheap.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use inotify::{Event, EventMask, EventStream, Inotify};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::folders::{Folders, is_record};
use crate::{Intake, ops};

/// Bytes for notices that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// Time for further notices to come in.
const GATHERING: Duration = Duration::from_millis(20);
/// Notices that are dealt with in one go.
const MAX_EVENTS: usize = 1_000;
/// Files whose records are stored in one transaction.
const BATCH: usize = 100;
/// Pause before the folder is looked at again after a failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Time between two looks where the kernel cannot tell.
const BLIND_SCAN: Duration = Duration::from_secs(1);

/// Works until the token is cancelled.
pub(crate) async fn run(intake: Intake, token: CancellationToken) {
    token.run_until_cancelled(work(&intake)).await;
}

async fn work(intake: &Intake) {
    let folder = &intake.settings.own.archive_dir;
    let mut pause = FIRST_PAUSE;
    loop {
        match Watcher::open(intake) {
            Ok(watcher) => return watcher.follow().await,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the archive cannot be watched");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

struct Watcher<'a> {
    intake: &'a Intake,
    folders: Folders,
    events: EventStream<Vec<u8>>,
    /// When the whole folder is looked at again.
    next_scan: Instant,
    /// Pause after the next failure.
    pause: Duration,
}

/// What notices ask for.
#[derive(Default)]
struct Wanted {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    is_everything: bool,
}

impl<'a> Watcher<'a> {
    fn open(intake: &'a Intake) -> io::Result<Self> {
        std::fs::create_dir_all(&intake.settings.own.archive_dir)?;
        let inotify = Inotify::init()?;
        let folders = Folders::new(&inotify);
        let events = inotify.into_event_stream(vec![0; BUFFER_BYTES])?;
        Ok(Self {
            intake,
            folders,
            events,
            next_scan: Instant::now(),
            pause: FIRST_PAUSE,
        })
    }

    async fn follow(mut self) {
        loop {
            let mut wanted = Wanted::default();
            tokio::select! {
                event = self.events.next() => self.note(event, &mut wanted),
                () = tokio::time::sleep_until(self.next_scan) => wanted.is_everything = true,
            }
            // Files that come in a burst are dealt with together: a transaction costs the same for one
            // as for a hundred.
            tokio::time::sleep(GATHERING).await;
            for _ in 0..MAX_EVENTS {
                let Some(event) = self.events.next().now_or_never() else {
                    break;
                };
                self.note(event, &mut wanted);
            }
            self.serve(wanted).await;
        }
    }

    fn note(&self, event: Option<io::Result<Event<OsString>>>, wanted: &mut Wanted) {
        let Some(Ok(event)) = event else {
            wanted.is_everything = true;
            return;
        };
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            wanted.is_everything = true;
        } else if event.mask.contains(EventMask::IGNORED) {
            self.folders.forget(&event.wd);
        } else if let (Some(folder), Some(name)) = (self.folders.path_of(&event.wd), event.name) {
            let path = folder.join(name);
            if event.mask.contains(EventMask::ISDIR) {
                wanted.folders.insert(path);
            } else if is_record(&path) && !is_just_begun(event.mask, &path) {
                wanted.files.insert(path);
            }
        }
    }

    async fn serve(&mut self, wanted: Wanted) {
        let own = &self.intake.settings.own;
        let mut is_well = self.ingest(wanted.files.into_iter().collect()).await;
        let mut is_watched = true;
        let folders = if wanted.is_everything {
            self.next_scan = Instant::now() + Duration::from_secs(own.archive_scan_secs);
            vec![own.archive_dir.clone()]
        } else {
            wanted.folders.into_iter().collect()
        };
        for folder in folders {
            let (well, watched) = self.scan(folder).await;
            is_well &= well;
            is_watched &= watched;
        }
        if !is_watched {
            self.next_scan = self.next_scan.min(Instant::now() + BLIND_SCAN);
        }
        if is_well {
            self.pause = FIRST_PAUSE;
        } else {
            self.next_scan = self.next_scan.min(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Looks at a folder and all below it; returns whether all files were dealt with, and whether
    /// all folders are watched.
    async fn scan(&self, folder: PathBuf) -> (bool, bool) {
        let (sender, mut found) = mpsc::channel(2);
        let folders = self.folders.clone();
        let scan = tokio::task::spawn_blocking(move || folders.scan(folder, &sender));
        let mut is_well = true;
        while let Some(files) = found.recv().await {
            is_well &= self.ingest(files).await;
        }
        (is_well, scan.await.unwrap_or(false))
    }

    /// Takes files in; returns whether all were dealt with.
    async fn ingest(&self, files: Vec<PathBuf>) -> bool {
        let mut is_well = true;
        for batch in files.chunks(BATCH) {
            match ops::archive_ingest(self.intake, batch.to_vec()).await {
                Ok(summary) => {
                    if summary.inserted > 0 {
                        tracing::info!(inserted = summary.inserted, "records from the archive");
                    }
                }
                Err(error) => {
                    tracing::warn!(error = error.chain(), "files of the archive must wait");
                    is_well = false;
                }
            }
        }
        is_well
    }
}

/// Returns whether a notice is about a file that somebody has only begun to write: the notice for its
/// end will follow. A new name for a file that is complete has no such end.
fn is_just_begun(mask: EventMask, path: &Path) -> bool {
    mask.contains(EventMask::CREATE)
        && std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.nlink() == 1)
}
