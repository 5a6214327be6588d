// SPDX-License-Identifier: MPL-2.0
//! The folders of a local store: how files get in and out so that a crash of the machine loses
//! nothing that was answered.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::object_path;
use super::seal;
use super::shape::Shape;
use super::temporary::Temporary;
use crate::Key;

/// Where files cannot be locked, or somebody tidies the folder up by hand, an empty folder may go
/// between its creation and the rename into it.
const PLACE_ATTEMPTS: usize = 8;

/// How a file gets its name: one that replaces, or one that does not.
type Name = fn(&Path, &Path) -> io::Result<()>;

pub(crate) struct Folders {
    root: PathBuf,
    objects: PathBuf,
    temporary: PathBuf,
    shape: Shape,
}

impl Folders {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let folders = Self {
            root: root.to_owned(),
            objects: root.join("objects"),
            temporary: root.join("tmp"),
            shape: Shape::new(root),
        };
        folders.create()?;
        Ok(folders)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn objects(&self) -> &Path {
        &self.objects
    }

    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Creates the folders that every store has.
    pub(crate) fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.objects)?;
        fs::create_dir_all(&self.temporary)?;
        sync_folder(&self.root)
    }

    /// Returns the path of an object.
    pub(crate) fn object(&self, key: &Key) -> PathBuf {
        object_path(&self.objects, key.as_str())
    }

    /// Moves a finished file to where the object of a key is.
    pub(crate) fn place(&self, file: Temporary, key: &Key) -> io::Result<()> {
        file.rename(&self.object(key), |from, to| {
            self.name(from, to, |from, to| fs::rename(from, to))
        })
    }

    /// Moves a finished file that came through a URL which ended at `url_ends`. Returns whether it
    /// did: not when the object is sealed against that URL.
    pub(crate) fn place_unless_sealed(
        &self,
        file: Temporary,
        key: &Key,
        url_ends: SystemTime,
    ) -> io::Result<bool> {
        let path = self.object(key);
        loop {
            // The lock keeps a seal out until the rename is done, in other processes, too.
            if let Some(current) = seal::lock_current(&path)? {
                if seal::is_sealed_against(&current, url_ends)? {
                    return Ok(false);
                }
                return self.place(file, key).map(|()| true);
            }
            let Some(from) = file.path() else {
                return Ok(false);
            };
            // Nothing is there to be locked: the name must still be free when it is taken.
            match self.name(from, &path, |from, to| fs::hard_link(from, to)) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map(|()| true),
            }
        }
    }

    /// Gives a file the name of an object, in a folder that may have to be made.
    fn name(&self, from: &Path, to: &Path, how: Name) -> io::Result<()> {
        let parent = to.parent().unwrap_or(&self.objects);
        for _ in 0..PLACE_ATTEMPTS {
            match self.try_name(from, to, parent, how) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        self.try_name(from, to, parent, how)
    }

    fn try_name(&self, from: &Path, to: &Path, parent: &Path, how: Name) -> io::Result<()> {
        {
            let _kept = self.shape.keep()?;
            if parent.is_dir() {
                how(from, to)?;
                return sync_folder(parent);
            }
        }
        let _changing = self.shape.change()?;
        create_synced(parent)?;
        how(from, to)?;
        sync_folder(parent)
    }

    /// Removes an object and the folders that become empty.
    pub(crate) fn remove(&self, key: &Key) -> io::Result<()> {
        let path = self.object(key);
        let parent = path.parent().unwrap_or(&self.objects);
        {
            let _kept = self.shape.keep()?;
            match fs::remove_file(&path).and_then(|()| sync_folder(parent)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                result => result?,
            }
        }
        self.prune(parent)
    }

    fn prune<'a>(&'a self, mut folder: &'a Path) -> io::Result<()> {
        if !is_empty(folder) {
            return Ok(());
        }
        let _changing = self.shape.change()?;
        while folder != self.objects && fs::remove_dir(folder).is_ok() {
            folder = folder.parent().unwrap_or(&self.objects);
        }
        Ok(())
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut names| names.next().is_none())
}

fn create_synced(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|folder| !folder.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
        sync_folder(folder.parent().unwrap_or(folder))?;
    }
    Ok(())
}

/// Makes the names in a folder survive a crash of the machine.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
