// SPDX-License-Identifier: MPL-2.0
//! Temporary files and folders of the client. Their names are recognised, and each is locked while
//! its process lives: what a killed process left behind is what nobody has locked, and the next one
//! removes it.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

use crate::log::Log;

const PREFIX: &str = ".tooltool-";
const SUFFIX: &str = ".tmp";
/// How often another name is tried when somebody tidies up at the same moment.
const TRIES: usize = 20;

/// A temporary folder; it is removed with everything in it when dropped.
pub(crate) struct Folder {
    folder: TempDir,
    _held: Option<File>,
}

impl Folder {
    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is left to tell; the next one tries again.
        remove_folder(self.folder.path()).ok();
    }
}

/// A temporary second copy, or second name, of a file; removed when dropped.
pub(crate) struct Copy {
    path: TempPath,
    _held: File,
}

impl Copy {
    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it a lasting name, which it takes from whatever had it.
    pub fn persist(self, target: &Path) -> io::Result<()> {
        self.path.persist(target).map_err(|error| error.error)
    }
}

/// Makes a temporary file with the permissions any new file would have, not the private ones that
/// temporary files get, because it will be renamed to something that others read.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn file_in(folder: &Path) -> io::Result<NamedTempFile> {
    held(|| {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        let held = hold(file.as_file(), file.path());
        Ok(held.then_some(file))
    })
}

/// Makes a temporary folder.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn folder_in(folder: &Path) -> io::Result<Folder> {
    held(|| {
        let folder = Builder::new()
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .tempdir_in(folder)?;
        let held = match File::open(folder.path()) {
            Ok(file) => hold(&file, folder.path()).then_some(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Not every system opens folders.
            Err(_) => Some(None),
        };
        Ok(held.map(|held| Folder {
            folder,
            _held: held,
        }))
    })
}

/// Copies a file into a folder; where the file system can, the copy shares the bytes on disk until
/// one of them is changed.
///
/// # Errors
/// The source cannot be read or the folder cannot be written.
pub(crate) fn copy_in(source: &Path, folder: &Path) -> io::Result<Copy> {
    let (file, path) = file_in(folder)?.into_parts();
    fs::copy(source, &path)?;
    Ok(Copy { path, _held: file })
}

/// Makes a second name of a file in a folder.
///
/// # Errors
/// The file system cannot, for instance across its border.
pub(crate) fn link_in(source: &Path, folder: &Path) -> io::Result<Copy> {
    let path = file_in(folder)?.into_temp_path();
    fs::remove_file(&path)?;
    fs::hard_link(source, &path)?;
    let file = File::open(&path)?;
    // Shared, because other names of the same file may be on their way too. Without a lock it is
    // in danger for the moment until it gets its name.
    #[cfg(unix)]
    file.try_lock_shared().ok();
    Ok(Copy { path, _held: file })
}

fn held<T>(mut make: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    for _ in 0..TRIES {
        if let Some(made) = make()? {
            return Ok(made);
        }
    }
    Err(io::Error::other("temporary files vanish as they are made"))
}

/// Locks what was just made; `false` if somebody who tidies up was faster. File systems without
/// locks are fine: there nothing is ever tidied up.
#[cfg(unix)]
fn hold(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match file.try_lock() {
        // Locked, but perhaps after it was removed.
        Ok(()) => match (file.metadata().map(id), fs::symlink_metadata(path).map(id)) {
            (Ok(ours), Ok(there)) => ours == there,
            _ => false,
        },
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(_)) => true,
    }
}

/// Locks elsewhere would keep the own process out as well.
#[cfg(not(unix))]
fn hold(_file: &File, _path: &Path) -> bool {
    true
}

/// Removes from a folder what killed processes have left there.
pub(crate) fn tidy(folder: &Path, log: &Log) {
    // A folder that is not there, or that cannot be listed, has nothing to tidy up.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_ours(&path) && remove_abandoned(&path).is_ok_and(|removed| removed) {
            log.debug(format_args!(
                "removed {}, left by a process that was killed",
                path.display()
            ));
        }
    }
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

#[cfg(unix)]
fn remove_abandoned(path: &Path) -> io::Result<bool> {
    let kind = path.symlink_metadata()?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Ok(false);
    }
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(false);
    }
    // Still locked, so that a process that is just making it notices.
    if kind.is_dir() {
        remove_folder(path)?;
    } else {
        fs::remove_file(path)?;
    }
    Ok(true)
}

#[cfg(not(unix))]
fn remove_abandoned(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Removes a folder with everything in it, read-only folders too: toolchains are often packed with
/// such.
///
/// # Errors
/// Somebody else's files are in it.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(folder)?;
            fs::remove_dir_all(folder)
        }
        outcome => outcome,
    }
}

#[cfg(unix)]
fn make_writable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_writable(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        path::PathBuf,
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::log::Level;

    fn names(folder: &Path) -> Vec<PathBuf> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at(".tooltool-abc.tmp"), "left").unwrap();
        fs::create_dir_all(at(".tooltool-def.tmp/read-only")).unwrap();
        fs::write(at(".tooltool-def.tmp/read-only/file"), "left").unwrap();
        for kept in ["file", ".tooltool-notes", "other.tmp"] {
            fs::write(at(kept), "kept").unwrap();
        }
        std::os::unix::fs::symlink("file", at(".tooltool-link.tmp")).unwrap();
        let file = file_in(folder.path()).unwrap();
        let inner = folder_in(folder.path()).unwrap();
        let copy = copy_in(&at("file"), folder.path()).unwrap();
        let link = link_in(&at("file"), folder.path()).unwrap();
        let log = Log::memory(Level::Debug);
        tidy(folder.path(), &log);
        let mut expected = vec![
            at("file"),
            at(".tooltool-notes"),
            at("other.tmp"),
            at(".tooltool-link.tmp"),
            file.path().to_owned(),
            inner.path().to_owned(),
            copy.path().to_owned(),
            link.path().to_owned(),
        ];
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        assert_eq!(log.lines().len(), 2, "{:?}", log.lines());
        drop((file, inner, copy, link));
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[test]
    fn tidying_up_and_making_at_the_same_time_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::memory(Level::Error);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    tidy(folder.path(), &log);
                }
            });
            for number in 0..500 {
                let file = file_in(folder.path()).unwrap();
                file.persist(folder.path().join(number.to_string()))
                    .unwrap();
                let inner = folder_in(folder.path()).unwrap();
                fs::write(inner.path().join("file"), "").unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(names(folder.path()).len(), 500);
    }
}
