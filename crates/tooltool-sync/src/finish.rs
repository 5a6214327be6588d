// SPDX-License-Identifier: MPL-2.0
//! The second half of publishing, from the moment when all files are copied. Each step may be done
//! again, because a crash may come between any two of them.

use std::io;

use crate::{
    folder::{Folder, Seen},
    journal::{Entry, temporary},
    log::Log,
    name::Name,
    package::{Package, Snapshot},
    state::{State, StateError},
    transfer,
};
use tokio_util::sync::CancellationToken;

/// Why a package cannot be finished now.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The target or the uploader's folder is in the way.
    #[error("{0}")]
    Place(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Trouble {
    fn at(folder: &Folder, name: &str, error: &io::Error) -> Self {
        Self::Place(format!("{}: {error}", folder.path().join(name).display()))
    }
}

/// Gives the files their names and remembers whose they are.
///
/// # Errors
/// The target or the state directory cannot be written.
pub fn publish(entry: &Entry, state: &State) -> Result<(), Trouble> {
    rename(entry)?;
    let package = &entry.package;
    let prefix = package.prefix(&entry.stamp);
    let name = |file: Name| file.after(&prefix).to_string();
    for file in &entry.files {
        state.add_line(
            &format!("{}.MANIFESTS", file.digest),
            &name(package.manifest()),
        )?;
    }
    if let Some(note) = &entry.note {
        state.keep(&name(package.note()), note)?;
    }
    state.keep(&name(package.manifest()), &entry.manifest)?;
    Ok(())
}

fn rename(entry: &Entry) -> Result<(), Trouble> {
    let Some(path) = &entry.target else {
        return Ok(());
    };
    let target = Folder::open(path)
        .map_err(|error| Trouble::Place(format!("{}: {error}", path.display())))?;
    for file in &entry.files {
        let digest = &file.digest;
        match target.rename(temporary(digest), digest) {
            Ok(()) => {}
            // Done before a crash.
            Err(error) if error.kind() == io::ErrorKind::NotFound && has(&target, digest) => {}
            Err(error) => return Err(Trouble::at(&target, &temporary(digest), &error)),
        }
    }
    target
        .sync()
        .map_err(|error| Trouble::at(&target, "", &error))
}

fn has(target: &Folder, digest: &str) -> bool {
    target.look(digest).is_ok_and(|seen| seen.is_some())
}

/// Tells whether after a crash all copies are there and whole. A file system that lost power may
/// have kept a name and not the bytes.
pub fn is_whole(entry: &Entry, stop: &CancellationToken) -> bool {
    let Some(path) = &entry.target else {
        return true;
    };
    let Ok(target) = Folder::open(path) else {
        // Not there today, as an unmounted disk: `publish` complains about it.
        return true;
    };
    entry
        .files
        .iter()
        .all(|item| match target.file(temporary(&item.digest)) {
            Ok((mut file, _)) => {
                let digest = transfer::digest(&mut file, item.algorithm, stop);
                digest.is_ok_and(|digest| digest == item.digest)
            }
            Err(error) => error.kind() == io::ErrorKind::NotFound && has(&target, &item.digest),
        })
}

/// Removes the temporary copies of a package.
pub fn discard(entry: &Entry, log: &Log) {
    let Some(Ok(target)) = entry.target.as_deref().map(Folder::open) else {
        return;
    };
    for file in &entry.files {
        if let Err(error) = target.remove(temporary(&file.digest)) {
            log.warning(Trouble::at(&target, &temporary(&file.digest), &error));
        }
    }
}

/// Marks manifest and note as processed and removes the directory of files.
///
/// # Errors
/// The uploader's folder cannot be written.
pub fn clear(
    uploads: &Folder,
    package: &Package,
    snapshot: &Snapshot,
    stamp: &str,
    log: &Log,
) -> Result<(), Trouble> {
    let Some(place) = place(uploads, package)? else {
        return Ok(());
    };
    let mark = |file: Name, seen: &Seen| mark(&place, &file, seen, stamp, log);
    remove_folder(&place, package, snapshot, log)?;
    if let Some(seen) = &snapshot.note {
        mark(package.note(), seen)?;
    }
    mark(package.manifest(), &snapshot.manifest)?;
    place
        .sync()
        .map_err(|error| Trouble::at(&place, "", &error))
}

/// Deletes a package with manifest and note.
///
/// # Errors
/// The uploader's folder cannot be written.
pub fn delete(
    uploads: &Folder,
    package: &Package,
    snapshot: &Snapshot,
    log: &Log,
) -> Result<(), Trouble> {
    let Some(place) = place(uploads, package)? else {
        return Ok(());
    };
    remove_folder(&place, package, snapshot, log)?;
    let note = snapshot.note.as_ref().map(|seen| (package.note(), seen));
    for (file, seen) in note
        .into_iter()
        .chain([(package.manifest(), &snapshot.manifest)])
    {
        remove_if_same(&place, &file, seen)?;
    }
    place
        .sync()
        .map_err(|error| Trouble::at(&place, "", &error))
}

/// Opens the folder that a package lies in; `None` if it is gone.
fn place(uploads: &Folder, package: &Package) -> Result<Option<Folder>, Trouble> {
    let user = uploads.child(&package.user, true);
    match user.and_then(|user| user.child(&package.kind, false)) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let name = format!("{}/{}", package.user, package.kind);
            Err(Trouble::at(uploads, &name, &error))
        }
    }
}

/// Renames a file unless the uploader has sent another one meanwhile, which is new then.
fn mark(place: &Folder, file: &Name, seen: &Seen, stamp: &str, log: &Log) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::at(place, &file.to_string(), &error);
    let is_same = |name: &Name| -> Result<bool, Trouble> {
        let found = place.look(name).map_err(failed)?;
        Ok(found.is_some_and(|found| found.is_same(seen)))
    };
    if !is_same(file)? {
        return Ok(());
    }
    let marked = file.after(&format!("{stamp}."));
    place.rename(file, &marked).map_err(failed)?;
    // Replaced between looking and renaming: the new one gets its name back.
    if !is_same(&marked)?
        && let Err(error) = place.rename_back(&marked, file)
    {
        log.error(format_args!(
            "{}: a newer file was marked as processed: {error}",
            place.path().join(&marked).display()
        ));
    }
    Ok(())
}

/// Removes what was seen in a package's directory, then the directory unless more has come.
fn remove_folder(
    place: &Folder,
    package: &Package,
    snapshot: &Snapshot,
    log: &Log,
) -> Result<(), Trouble> {
    let name = package.folder();
    match &snapshot.folder {
        None => return Ok(()),
        Some(seen) if seen.kind != crate::folder::Kind::Folder => {
            return remove_if_same(place, &name, seen);
        }
        Some(_) => {}
    }
    let folder = match place.child(&name, false) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Trouble::at(place, &name.to_string(), &error)),
    };
    for (entry, seen) in &snapshot.entries {
        remove_if_same(&folder, entry, seen)?;
    }
    let is_gone = place
        .remove_folder(&name)
        .map_err(|error| Trouble::at(place, &name.to_string(), &error))?;
    if !is_gone {
        log.warning(format_args!(
            "{} is not empty and stays",
            folder.path().display()
        ));
    }
    Ok(())
}

fn remove_if_same(folder: &Folder, name: &Name, seen: &Seen) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::at(folder, &name.to_string(), &error);
    let found = folder.look(name).map_err(failed)?;
    match found {
        Some(found) if found.is_same(seen) => match found.kind {
            crate::folder::Kind::Folder => folder.remove_folder(name).map(drop).map_err(failed),
            _ => folder.remove(name).map(drop).map_err(failed),
        },
        _ => Ok(()),
    }
}
