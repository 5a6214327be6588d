// SPDX-License-Identifier: MPL-2.0
//! Watches the archive folder. The kernel tells of every file that was closed after writing, moved
//! in, linked or given other rights; a look at the whole folder at the start, after an overflow and
//! now and then finds what it did not tell. What was dealt with is remembered in the database, so a
//! look is cheap. Another folder in the place of the watched one is noticed within a second.

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
use super::unreadable::Unreadable;
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
/// Time between two looks whether the folder is still the one that is watched.
const ROOT_LOOK: Duration = Duration::from_secs(1);

/// Works until the token is cancelled.
pub(crate) async fn run(intake: Intake, token: CancellationToken) {
    token.run_until_cancelled(work(&intake)).await;
}

async fn work(intake: &Intake) {
    let folder = &intake.settings.own.archive_dir;
    let mut pause = FIRST_PAUSE;
    loop {
        match Watcher::open(intake) {
            Ok(watcher) => {
                watcher.follow().await;
                tracing::info!(folder = %folder.display(), "another folder stands in its place");
                pause = FIRST_PAUSE;
                continue;
            }
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
    /// The folder that is watched; `None` when it is gone.
    root: Option<Identity>,
    /// Files that could not be read.
    unreadable: Unreadable,
}

/// Device and inode of a folder: another one at the same path is another folder.
type Identity = (u64, u64);

fn identity(folder: &Path) -> Option<Identity> {
    let found = std::fs::metadata(folder).ok()?;
    Some((found.dev(), found.ino()))
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
            root: identity(&intake.settings.own.archive_dir),
            unreadable: Unreadable::new(),
        })
    }

    /// Works until another folder stands in the place of the watched one.
    async fn follow(mut self) {
        let mut root_looks = tokio::time::interval(ROOT_LOOK);
        loop {
            let mut wanted = Wanted::default();
            tokio::select! {
                event = self.events.next() => self.note(event, &mut wanted),
                () = tokio::time::sleep_until(self.next_scan) => wanted.is_everything = true,
                () = tokio::time::sleep_until(self.unreadable.next_try()), if !self.unreadable.is_empty() => {
                    wanted.files = self.unreadable.take();
                }
                _ = root_looks.tick() => {
                    if self.is_replaced() {
                        return;
                    }
                    continue;
                }
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

    /// Looks whether the path leads to another folder than before. One that is gone may be on its way
    /// back.
    fn is_replaced(&mut self) -> bool {
        let now = identity(&self.intake.settings.own.archive_dir);
        let before = std::mem::replace(&mut self.root, now);
        now.is_some() && now != before
    }

    fn note(&mut self, event: Option<io::Result<Event<OsString>>>, wanted: &mut Wanted) {
        let Some(Ok(event)) = event else {
            wanted.is_everything = true;
            return;
        };
        let folder = self.folders.path_of(&event.wd);
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            wanted.is_everything = true;
        } else if event.mask.contains(EventMask::IGNORED) {
            self.folders.forget(&event.wd);
            if folder.as_deref() == Some(&self.intake.settings.own.archive_dir) {
                // A new folder may get the number of the old one.
                self.root = None;
            }
        } else if let Some(folder) = folder {
            // Without a name the notice is about the folder itself.
            let path = match event.name {
                Some(name) => folder.join(name),
                None => folder,
            };
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
        self.unreadable.settle();
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
    async fn scan(&mut self, folder: PathBuf) -> (bool, bool) {
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
    async fn ingest(&mut self, files: Vec<PathBuf>) -> bool {
        let mut is_well = true;
        for batch in files.chunks(BATCH) {
            match ops::archive_ingest(self.intake, batch.to_vec()).await {
                Ok((summary, unreadable)) => {
                    self.unreadable.put(unreadable);
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
