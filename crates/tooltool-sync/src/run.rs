// SPDX-License-Identifier: MPL-2.0
//! One run: finish what an earlier one left, look at everything that was dropped, send the mails.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{
    check::{self, Refusal},
    config::{Config, Target},
    failure::Failure,
    finish,
    folder::Folder,
    journal::{Entry, Stage},
    lock,
    log::Log,
    package::{Package, Snapshot},
    publish::Unpublished,
    smtp::Sender,
    spool,
    stamp::Clock,
    state::{State, StateError},
};

/// A run cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// A directory of the configuration cannot be used.
    #[error("{}: {source}", path.display())]
    Root {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What a run works with.
pub struct Run<'a> {
    pub(crate) config: &'a Config,
    pub(crate) state: State,
    pub(crate) uploads: Folder,
    pub(crate) clock: Clock,
    pub(crate) log: &'a Log,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) runtime: &'a Runtime,
    /// Services that were out of order in this run, and how: waiting for each again and again would
    /// keep everybody else waiting.
    pub(crate) down: RefCell<BTreeMap<String, String>>,
}

/// Runs once, unless another run is under way.
///
/// # Errors
/// The state directory, the upload root or a target folder cannot be used. Whatever is wrong with
/// a package is none.
pub fn run(
    config: &Config,
    state: &Path,
    clock: Clock,
    log: &Log,
    stop: &CancellationToken,
    runtime: &Runtime,
) -> Result<(), Fatal> {
    let state = State::open(state)?;
    let uploads = root(&config.upload_root)?;
    let mut shared = vec![handle(&uploads)?];
    for target in config.targets.values() {
        if let Target::Folder(path) = target {
            shared.push(handle(&root(path)?)?);
        }
    }
    let locks = lock::all(state.lock_file()?, shared).map_err(|source| Fatal::Root {
        path: state.root.path().to_owned(),
        source,
    })?;
    let Some(_locks) = locks else {
        log.info("another run is under way, this one leaves everything to it");
        return Ok(());
    };
    if let Err(error) = log.rotate(config.limits.log_bytes, config.limits.log_backups) {
        log.error(format_args!("the log cannot be rotated: {error}"));
    }
    let run = Run {
        config,
        state,
        uploads,
        clock,
        log,
        stop,
        runtime,
        down: RefCell::default(),
    };
    for name in &config.unknown {
        log.warning(format_args!("'{name}' in the configuration means nothing"));
    }
    run.recover()?;
    run.scan()?;
    let sender = Sender::new(&config.smtp);
    let mails = spool::deliver(&run.state, &sender, &config.limits, log, stop);
    Ok(runtime.block_on(mails)?)
}

fn root(path: &Path) -> Result<Folder, Fatal> {
    Folder::open(path).map_err(|source| Fatal::Root {
        path: path.to_owned(),
        source,
    })
}

fn handle(folder: &Folder) -> Result<std::fs::File, Fatal> {
    folder.handle().try_clone().map_err(|source| Fatal::Root {
        path: folder.path().to_owned(),
        source,
    })
}

impl Run<'_> {
    /// Finishes what an earlier run left half done.
    fn recover(&self) -> Result<(), StateError> {
        self.empty_staging();
        for key in self.state.failed.keys()? {
            let Some(failure) = self.state.failed.get::<Failure>(&key, self.log)? else {
                // Damaged: the package is checked and reported anew.
                self.state.failed.take(&key)?;
                continue;
            };
            self.settle(failure)?;
        }
        for key in self.state.journal.keys()? {
            if let Some(entry) = self.state.journal.get::<Entry>(&key, self.log)? {
                self.recover_entry(entry)?;
            }
        }
        Ok(())
    }

    fn recover_entry(&self, mut entry: Entry) -> Result<(), StateError> {
        let is_whole = entry.stage == Stage::Publishing && finish::is_whole(&entry, self.stop);
        if self.stop.is_cancelled() {
            return Ok(());
        }
        if is_whole {
            self.log.info(format_args!("{}: going on", entry.package));
            return self.finish(&mut entry);
        }
        self.log
            .info(format_args!("{}: starting again", entry.package));
        finish::discard(&entry, self.log);
        self.state.journal.take(&entry.package.key())
    }

    pub(crate) fn empty_staging(&self) {
        let staging = &self.state.staging;
        let names = staging.names(usize::MAX).map(Result::unwrap_or_default);
        for name in names.unwrap_or_default() {
            if let Err(error) = staging.remove(&name) {
                let path = staging.path().join(name);
                self.log
                    .warning(format_args!("{}: {error}", path.display()));
            }
        }
    }

    fn scan(&self) -> Result<(), Fatal> {
        let limit = self.config.limits.folder_entries;
        let users = self.uploads.names(limit).map_err(|source| Fatal::Root {
            path: self.config.upload_root.clone(),
            source,
        })?;
        let Ok(users) = users else {
            return Err(Fatal::Root {
                path: self.config.upload_root.clone(),
                source: io::Error::other("holds too many entries"),
            });
        };
        let mut present = BTreeSet::new();
        for (kind, target, user) in self.places(&users) {
            if let Err(error) = self.place(user, kind, target, &mut present)? {
                let path = self.uploads.path().join(user).join(kind);
                self.log.error(format_args!("{}: {error}", path.display()));
            }
            if self.stop.is_cancelled() {
                self.log.info("stopping, the next run goes on");
                return Ok(());
            }
        }
        Ok(self.forget(&present)?)
    }

    /// Returns what is to be looked at: packages for folders before those for services, because
    /// a service takes minutes.
    fn places<'n>(
        &self,
        users: &'n [std::ffi::OsString],
    ) -> impl Iterator<Item = (&String, &Target, &'n OsStr)> {
        let (folders, stores): (Vec<_>, Vec<_>) = self
            .config
            .targets
            .iter()
            .partition(|(_, target)| matches!(target, Target::Folder(_)));
        folders
            .into_iter()
            .chain(stores)
            .flat_map(|(kind, target)| {
                users
                    .iter()
                    .map(move |user| (kind, target, user.as_os_str()))
            })
    }

    /// Looks at one folder of one uploader. The inner error is for the log.
    fn place(
        &self,
        user: &OsStr,
        kind: &str,
        target: &Target,
        present: &mut BTreeSet<String>,
    ) -> Result<io::Result<()>, StateError> {
        let opened = self.uploads.child(user, true).and_then(|user| {
            let place = user.child(kind, false)?;
            Ok((place.names(self.config.limits.folder_entries)?, place))
        });
        let (names, place) = match opened {
            Ok((Ok(names), place)) => (names, place),
            Ok((Err(_), _)) => return Ok(Err(io::Error::other("holds too many entries"))),
            // No directory of an uploader, or nothing of this type.
            Err(error) if is_nothing(&error) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let Some(user) = user.to_str().filter(|u| !u.chars().any(char::is_control)) else {
            return Ok(Err(io::Error::other(
                "the name of an uploader must be UTF-8 text without control characters",
            )));
        };
        for name in names {
            let Some(package) = Package::of_manifest(user, kind, &name) else {
                continue;
            };
            present.insert(package.key());
            if let Err(error) = self.consider(&place, &package, target)? {
                self.log.error(format_args!("{package}: {error}"));
            }
            if self.stop.is_cancelled() {
                break;
            }
        }
        Ok(Ok(()))
    }

    /// Checks and publishes a package unless there is no use in it. The inner error is for the log.
    fn consider(
        &self,
        place: &Folder,
        package: &Package,
        target: &Target,
    ) -> Result<io::Result<()>, StateError> {
        let limits = &self.config.limits;
        let take = || Snapshot::take(place, package, limits.folder_entries);
        let snapshot = match take() {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let key = package.key();
        if self.state.journal.get::<Entry>(&key, self.log)?.is_some() {
            // `recover` has said why it cannot be finished.
            return Ok(Ok(()));
        }
        let failure = self.state.failed.get::<Failure>(&key, self.log)?;
        if failure.is_some_and(|failure| failure.still_holds(&snapshot)) {
            return Ok(Ok(()));
        }
        let checked = check::check(place, package, &snapshot, target, limits, self.stop);
        let outcome = match checked {
            Ok(checked) => self.publish(place, package, &snapshot, &checked, target),
            Err(Refusal::Stopped) => Err(Unpublished::Stopped),
            Err(Refusal::Complaint(complaint)) => Err(Unpublished::Refused(complaint)),
        };
        self.conclude(package, &snapshot, outcome, || take().ok().flatten())?;
        Ok(Ok(()))
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
