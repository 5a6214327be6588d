// SPDX-License-Identifier: MPL-2.0
//! The first half of publishing: bringing the bytes of a checked package to its target. Until this
//! is done nothing of it can be seen there.

use std::path::Path;

use releng_tooltool_client::{
    api::{Api, Error as ApiError},
    log::{Level, Log as ClientLog},
    manifest::Manifest,
    record::Record,
    retry::Pace,
    transport::{Timeouts, Transport},
    upload,
};
use rustix::fs::Mode;

use crate::{
    algorithm::Algorithm,
    check::{Cause, Checked, Complaint, Item},
    config::{Store, Target},
    finish,
    folder::Folder,
    journal::{Entry, Stage, temporary},
    package::{Package, Snapshot},
    run::Run,
    state::StateError,
    transfer::{self, Broken},
};

/// Published files are for everybody who may enter the folder.
const MODE: u32 = 0o644;
/// Notifications to a service at a time.
const JOBS: usize = 4;

/// Why a package was not published.
#[derive(Debug)]
pub enum Unpublished {
    /// The program is to stop.
    Stopped,
    /// The package is wrong.
    Refused(Complaint),
    /// Something here is wrong.
    NotCopied(String),
    /// The state directory cannot be used.
    State(StateError),
}

impl From<StateError> for Unpublished {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Run<'_> {
    /// Brings a package to its target. The entry that comes back is in the journal, ready to be
    /// finished.
    pub(crate) fn publish(
        &self,
        place: &Folder,
        package: &Package,
        snapshot: &Snapshot,
        checked: &Checked,
        target: &Target,
    ) -> Result<Entry, Unpublished> {
        // The next run may have another working directory.
        let path = match target {
            Target::Folder(path) => {
                Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            Target::Store(_) => None,
        };
        let stamp = self.stamp(place, package)?;
        let mut entry = Entry::new(package, checked, snapshot, stamp, path);
        let files = open(place, package)?;
        match target {
            Target::Folder(path) => self.copy_all(&files, path, &entry)?,
            Target::Store(store) => self.upload(&files, package, checked, store)?,
        }
        entry.stage = Stage::Publishing;
        self.state.journal.put(&package.key(), &entry)?;
        Ok(entry)
    }

    /// Returns a timestamp that none of the new names has.
    fn stamp(&self, place: &Folder, package: &Package) -> Result<String, Unpublished> {
        self.clock.stamp(|stamp| {
            let prefix = package.prefix(stamp);
            for file in [package.manifest(), package.note()] {
                let marked = file.after(&format!("{stamp}."));
                let seen = place.look(&marked).map_err(|error| {
                    let path = place.path().join(&marked);
                    Unpublished::NotCopied(format!("{}: {error}", path.display()))
                })?;
                if seen.is_some() || self.state.has(&file.after(&prefix).to_string())? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn copy_all(&self, files: &Folder, path: &Path, entry: &Entry) -> Result<(), Unpublished> {
        let trouble = |error| Unpublished::NotCopied(format!("{}: {error}", path.display()));
        let target = Folder::open(path).map_err(trouble)?;
        let key = entry.package.key();
        self.state.journal.put(&key, entry)?;
        let copied = entry
            .files
            .iter()
            .try_for_each(|item| self.copy(files, item, &target, &temporary(&item.digest)))
            .and_then(|()| target.sync().map_err(trouble));
        if copied.is_err() {
            finish::discard(entry, self.log);
            self.state.journal.take(&key)?;
        }
        copied
    }

    /// Copies a file. What counts is the digest of the bytes that were written: the file may have
    /// been replaced since it was checked.
    fn copy(
        &self,
        files: &Folder,
        item: &Item,
        target: &Folder,
        name: &str,
    ) -> Result<(), Unpublished> {
        let trouble = |error| {
            let path = target.path().join(name);
            Unpublished::NotCopied(format!("{}: {error}", path.display()))
        };
        let changed = |reason: String| {
            Unpublished::Refused(Complaint {
                cause: Cause::Files,
                lines: vec![format!("{} {reason}", item.digest)],
            })
        };
        let (mut from, _) = files
            .file(&item.digest)
            .map_err(|error| changed(error.to_string()))?;
        let mut to = target.create(name).map_err(trouble)?;
        match transfer::copy(&mut from, &mut to, item.algorithm, self.stop) {
            Ok(digest) if digest == item.digest => {}
            Ok(_) => return Err(changed("changed while it was copied".to_owned())),
            Err(Broken::Stopped) => return Err(Unpublished::Stopped),
            Err(Broken::Read(error)) => return Err(changed(format!("cannot be read: {error}"))),
            Err(Broken::Write(error)) => return Err(trouble(error)),
        }
        rustix::fs::fchmod(&to, Mode::from_raw_mode(MODE))
            .map_err(|error| trouble(error.into()))?;
        to.sync_all().map_err(trouble)
    }

    /// Uploads a package to a service and waits until it is verified there. What is sent are copies:
    /// nobody can replace them on the way.
    fn upload(
        &self,
        files: &Folder,
        package: &Package,
        checked: &Checked,
        store: &Store,
    ) -> Result<(), Unpublished> {
        if let Some(reason) = self.down.borrow().get(&store.server.to_string()) {
            return Err(Unpublished::NotCopied(reason.clone()));
        }
        // A batch has at least one file.
        if checked.records.is_empty() {
            return Ok(());
        }
        self.empty_staging();
        let uploaded = self
            .stage(files, checked)
            .and_then(|()| self.send(package, checked, store));
        self.empty_staging();
        uploaded
    }

    /// Copies the files under the names that they get in the batch.
    fn stage(&self, files: &Folder, checked: &Checked) -> Result<(), Unpublished> {
        checked.records.iter().try_for_each(|record| {
            let item = Item {
                digest: record.digest.clone(),
                algorithm: Algorithm::Sha512,
            };
            self.copy(files, &item, &self.state.staging, &record.filename)
        })
    }

    fn send(&self, package: &Package, checked: &Checked, store: &Store) -> Result<(), Unpublished> {
        let records = checked.records.iter().map(|record| Record {
            visibility: Some(store.visibility.name().to_owned()),
            ..record.clone()
        });
        let manifest = Manifest::default().with_first(records.collect());
        let options = upload::Options {
            folder: self.state.staging.path().to_owned(),
            message: message(package, checked.note.as_deref()),
            region: None,
            jobs: JOBS,
            wait: Some(self.config.limits.verify_timeout),
        };
        let pace = Pace {
            tries: self.config.limits.upload_tries,
            ..Pace::default()
        };
        let transport = Transport::new(store.credentials.clone(), Timeouts::default(), pace)
            .map_err(|broken| Unpublished::NotCopied(broken.to_string()))?;
        let lines = ClientLog::memory(Level::Info);
        let api = Api::new(transport, store.server.clone(), lines.clone());
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => None,
                outcome = upload::upload(&manifest, &options, &api) => Some(outcome),
            }
        });
        for line in lines.lines() {
            self.log.info(format_args!("{package}: {line}"));
        }
        match outcome {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.unsent(store, &error)),
            None => Err(Unpublished::Stopped),
        }
    }

    /// Tells the uploader's mistakes from troubles of the service.
    fn unsent(&self, store: &Store, error: &upload::Error) -> Unpublished {
        let server = store.server.to_string();
        let reason = format!("{server}: {error}");
        match error {
            upload::Error::Api(ApiError::Refused { name, .. }) if is_refusal(name) => {
                Unpublished::Refused(Complaint {
                    cause: Cause::Refused,
                    lines: vec![reason],
                })
            }
            upload::Error::Api(_) => {
                self.down.borrow_mut().insert(server, reason.clone());
                Unpublished::NotCopied(reason)
            }
            _ => Unpublished::NotCopied(reason),
        }
    }
}

fn open(place: &Folder, package: &Package) -> Result<Folder, Unpublished> {
    place.child(package.folder(), false).map_err(|error| {
        Unpublished::Refused(Complaint {
            cause: Cause::Files,
            lines: vec![format!("{}: {error}", package.folder())],
        })
    })
}

/// Tells whether a status means that this batch is wrong: as 400 for a file that is known with
/// another visibility. Wrong credentials, a wrong address and overload are not the uploader's.
fn is_refusal(name: &str) -> bool {
    let status = name.get(..3).and_then(|digits| digits.parse::<u16>().ok());
    status.is_some_and(|status| {
        (400..500).contains(&status) && ![401, 403, 404, 405, 407, 408, 429].contains(&status)
    })
}

/// The note is what the batch is about. The service wants one, and no NUL in it.
fn message(package: &Package, note: Option<&[u8]>) -> String {
    let note = String::from_utf8_lossy(note.unwrap_or_default()).replace('\0', "");
    if note.trim().is_empty() {
        format!("{} of {}", package.manifest(), package.user)
    } else {
        note
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_uploader_can_correct_is_a_refusal() {
        for (name, expected) in [
            ("400 Bad Request: Cannot change it", true),
            ("413 Payload Too Large", true),
            ("401 Unauthorized", false),
            ("403 Forbidden: no permission", false),
            ("404 Not Found", false),
            ("429 Too Many Requests", false),
            ("503 Service Unavailable", false),
            ("302 Found", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_refusal(name), expected, "{name}");
        }
    }

    #[test]
    fn the_note_is_the_message_and_never_empty() {
        let package = Package::of_manifest("alice", "pub", "a-package.tt".as_ref()).unwrap();
        let default = "a-package.tt of alice";
        for (note, expected) in [
            (None, default),
            (Some(&b" \n"[..]), default),
            (Some(b"Bug 1: \0linker\n"), "Bug 1: linker\n"),
            (Some(b"\xff"), "\u{fffd}"),
        ] {
            assert_eq!(message(&package, note), expected);
        }
    }
}
