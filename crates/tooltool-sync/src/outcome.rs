// SPDX-License-Identifier: MPL-2.0
//! What follows when a package was published, or could not be: the rest of the work, the memory of
//! it, and a mail.

use std::collections::BTreeSet;

use crate::{
    check::{Cause, Complaint},
    config::OnFailure,
    failure::{Failure, Fault},
    finish::{self, Trouble},
    journal::Entry,
    mail::{Mail, News},
    package::{Package, Snapshot},
    publish::Unpublished,
    run::Run,
    spool,
    state::StateError,
};

impl Run<'_> {
    /// Draws the consequences of an attempt to publish; `now` looks at the package once more.
    pub(crate) fn conclude(
        &self,
        package: &Package,
        snapshot: &Snapshot,
        outcome: Result<Entry, Unpublished>,
        now: impl Fn() -> Option<Snapshot>,
    ) -> Result<(), StateError> {
        match outcome {
            Ok(mut entry) => self.finish(&mut entry),
            Err(Unpublished::Stopped) => Ok(()),
            Err(Unpublished::State(error)) => Err(error),
            Err(Unpublished::NotCopied(reason)) => self.not_copied(package, snapshot, &reason),
            Err(Unpublished::Refused(complaint)) => {
                // A transfer may be under way, or the package is being taken back. Its next state
                // is what counts.
                if now().as_ref() == Some(snapshot) {
                    return self.refuse(package, snapshot, &complaint);
                }
                self.log
                    .info(format_args!("{package} is changing, not looked at yet"));
                Ok(())
            }
        }
    }

    /// Does what follows when all files of a package are copied.
    pub(crate) fn finish(&self, entry: &mut Entry) -> Result<(), StateError> {
        let package = entry.package.clone();
        let key = package.key();
        let finished = finish::publish(entry, &self.state).and_then(|()| {
            finish::clear(
                &self.uploads,
                &package,
                &entry.snapshot,
                &entry.stamp,
                self.log,
            )
        });
        let id = format!("{}.{key}", entry.stamp);
        match finished {
            Ok(()) => {
                let manifest = String::from_utf8_lossy(&entry.manifest);
                self.post(&package, News::Completed(&manifest), id)?;
                self.state.failed.take(&key)?;
                self.state.journal.take(&key)?;
                self.log
                    .info(format_args!("{package}: published as {}", entry.stamp));
                Ok(())
            }
            Err(Trouble::State(error)) => Err(error),
            Err(Trouble::Place(reason)) => {
                self.log
                    .error(format_args!("{package}: cannot be finished: {reason}"));
                if !entry.is_reported {
                    self.post(&package, News::NotRenamed(&reason), format!("{id}.error"))?;
                    entry.is_reported = true;
                    self.state.journal.put(&key, entry)?;
                }
                Ok(())
            }
        }
    }

    fn post(&self, package: &Package, news: News, id: String) -> Result<(), StateError> {
        let mail = Mail::about(package, news, id, self.config);
        spool::put(&mail, &self.state, &self.config.limits, self.log)
    }

    fn refuse(
        &self,
        package: &Package,
        snapshot: &Snapshot,
        complaint: &Complaint,
    ) -> Result<(), StateError> {
        let what = match complaint.cause {
            Cause::Manifest => "the manifest is invalid",
            Cause::Files => "files are missing or corrupted",
            Cause::Refused => "the service refuses it",
        };
        let reason = format!("{what}: {}", complaint.lines.join("; "));
        let delete = self.config.on_failure == OnFailure::Delete;
        self.fail(Failure {
            package: package.clone(),
            fault: Fault::Package,
            reason,
            state: snapshot.state(),
            exact: snapshot.exact(),
            mail: Some(self.failure_mail(package, snapshot, News::Refused(complaint))),
            delete: delete.then(|| snapshot.clone()),
        })
    }

    fn not_copied(
        &self,
        package: &Package,
        snapshot: &Snapshot,
        reason: &str,
    ) -> Result<(), StateError> {
        self.fail(Failure {
            package: package.clone(),
            fault: Fault::Here,
            reason: reason.to_owned(),
            state: snapshot.state(),
            exact: snapshot.exact(),
            mail: Some(self.failure_mail(package, snapshot, News::NotCopied(reason))),
            delete: None,
        })
    }

    fn failure_mail(&self, package: &Package, snapshot: &Snapshot, news: News) -> Mail {
        let mut id = format!("{}.{}", package.key(), snapshot.exact());
        id.truncate(64);
        Mail::about(package, news, id, self.config)
    }

    /// Remembers a failure, and writes a mail unless there was one about the same.
    fn fail(&self, mut failure: Failure) -> Result<(), StateError> {
        let (key, package) = (failure.package.key(), &failure.package);
        match failure.fault {
            Fault::Package => self
                .log
                .warning(format_args!("{package}: {}", failure.reason)),
            Fault::Here => self
                .log
                .error(format_args!("{package}: {}", failure.reason)),
        }
        let before = self.state.failed.get::<Failure>(&key, self.log)?;
        if before.is_some_and(|before| failure.is_known(&before)) {
            failure.mail = None;
        }
        // The mail is written together with the memory of it, so that a crash loses neither.
        self.state.failed.put(&key, &failure)?;
        self.settle(failure)
    }

    /// Brings mail and deletion of a failure on their way.
    pub(crate) fn settle(&self, mut failure: Failure) -> Result<(), StateError> {
        let key = failure.package.key();
        if failure.mail.is_none() && failure.delete.is_none() {
            return Ok(());
        }
        if let Some(mail) = failure.mail.take() {
            spool::put(&mail, &self.state, &self.config.limits, self.log)?;
        }
        if let Some(snapshot) = failure.delete.take() {
            let package = &failure.package;
            match finish::delete(&self.uploads, package, &snapshot, self.log) {
                Ok(()) => return self.state.failed.take(&key),
                Err(Trouble::State(error)) => return Err(error),
                Err(Trouble::Place(reason)) => {
                    self.log
                        .error(format_args!("{package}: cannot be deleted: {reason}"));
                    failure.delete = Some(snapshot);
                }
            }
        }
        self.state.failed.put(&key, &failure)
    }

    /// Forgets failures of packages that are gone.
    pub(crate) fn forget(&self, present: &BTreeSet<String>) -> Result<(), StateError> {
        for key in self.state.failed.keys()? {
            if !present.contains(&key) {
                self.state.failed.take(&key)?;
            }
        }
        Ok(())
    }
}
