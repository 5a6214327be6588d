// SPDX-License-Identifier: MPL-2.0
//! Directories held open, and what is in them. Below the upload root everything is reached from a
//! handle, one name at a time and never through a symbolic link: uploaders can rename and replace
//! things while they are looked at, and a path would be resolved anew each time.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use serde::{Deserialize, Serialize};

/// The side file of [`Folder::replace`]. One name is enough: only the holder of the lock writes.
const SIDE_FILE: &str = ".tooltool-sync.new";
const PRIVATE: u32 = 0o600;

/// An open directory.
#[derive(Debug)]
pub struct Folder {
    handle: File,
    path: PathBuf,
}

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A plain file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Other,
}

/// A directory entry as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Device and inode: another file under the same name differs.
    pub place: String,
    /// Time of the last change of the contents; whoever writes the file can set it.
    pub modified: String,
    /// Time of the last change of anything, permissions included; only the system sets it.
    pub changed: String,
}

/// More entries in a directory than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Folder {
    /// Opens a directory that the administrator named; links in the path are his.
    ///
    /// # Errors
    /// There is no such directory, or it may not be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self {
            handle: handle.into(),
            path: path.to_owned(),
        })
    }

    /// Opens a directory in this one. A symbolic link is followed only if asked for.
    ///
    /// # Errors
    /// It is absent, not a directory, or may not be opened.
    pub fn child(&self, name: impl AsRef<OsStr>, follow: bool) -> io::Result<Self> {
        let name = name.as_ref();
        let mut flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        if !follow {
            flags |= OFlags::NOFOLLOW;
        }
        let handle = rustix::fs::openat(&self.handle, name, flags, Mode::empty())?;
        Ok(Self {
            handle: handle.into(),
            path: self.path.join(name),
        })
    }

    /// Opens a directory in this one and creates it first if need be.
    ///
    /// # Errors
    /// It can be neither opened nor created.
    pub fn child_created(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.handle, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => self.sync()?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.child(name, true)
    }

    /// Returns the path under which the directory was opened; for messages and libraries.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the handle, which a lock can be put on.
    pub fn handle(&self) -> &File {
        &self.handle
    }

    /// Returns the sorted names of all entries, if there are not more than `limit`.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self, limit: usize) -> io::Result<Result<Vec<OsString>, TooMany>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() >= limit {
                return Ok(Err(TooMany));
            }
            names.push(OsStr::from_bytes(name).to_owned());
        }
        names.sort();
        Ok(Ok(names))
    }

    /// Looks at an entry without following it; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Seen>> {
        let name = name.as_ref();
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Seen::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a plain file for reading; a link is refused, a pipe cannot block.
    ///
    /// # Errors
    /// It is absent, not a plain file, or may not be read.
    pub fn file(&self, name: impl AsRef<OsStr>) -> io::Result<(File, Seen)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = match rustix::fs::openat(&self.handle, name.as_ref(), flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::LOOP) => return Err(io::Error::other("is a symbolic link")),
            Err(error) => return Err(error.into()),
        };
        let seen = Seen::of(&rustix::fs::fstat(&handle)?);
        if seen.kind != Kind::File {
            return Err(io::Error::other("is not a plain file"));
        }
        Ok((handle.into(), seen))
    }

    /// Reads a plain file of at most `limit_bytes`.
    ///
    /// # Errors
    /// As [`Folder::file`], or the file is longer.
    pub fn read(&self, name: impl AsRef<OsStr>, limit_bytes: u64) -> io::Result<Vec<u8>> {
        let (file, _) = self.file(name)?;
        let mut bytes = Vec::new();
        file.take(limit_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
            return Err(io::Error::other(format!(
                "is longer than {limit_bytes} bytes"
            )));
        }
        Ok(bytes)
    }

    /// Creates a file that only this program may read so far; one of that name is removed first.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn create(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = name.as_ref();
        self.remove(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(PRIVATE);
        Ok(rustix::fs::openat(&self.handle, name, flags, mode)?.into())
    }

    /// Replaces a file as a whole: a reader or a crash sees the old or the new one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn replace(&self, name: impl AsRef<OsStr>, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = self.create(SIDE_FILE)?;
        file.write_all(bytes)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        file.sync_all()?;
        self.rename(SIDE_FILE, name)?;
        self.sync()
    }

    /// Renames an entry within the directory; one of the new name is replaced.
    ///
    /// # Errors
    /// The directory cannot be written, or there is no such entry.
    pub fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Renames an entry within the directory if nothing has the new name.
    ///
    /// # Errors
    /// As [`Folder::rename`], or something has the new name.
    pub fn rename_back(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let here = &self.handle;
        Ok(rustix::fs::renameat_with(
            here,
            from,
            here,
            to,
            RenameFlags::NOREPLACE,
        )?)
    }

    /// Removes an entry that is no directory; returns whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.handle, name.as_ref(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory; returns whether it is gone, `false` if it is not empty.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn remove_folder(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        use rustix::io::Errno;
        match rustix::fs::unlinkat(&self.handle, name.as_ref(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when all changes of names in this directory are on the disk.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

impl Seen {
    fn of(stat: &rustix::fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        Self {
            kind,
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            place: format!("{}:{}", stat.st_dev, stat.st_ino),
            modified: format!("{}.{:09}", stat.st_mtime, stat.st_mtime_nsec),
            changed: format!("{}.{:09}", stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Tells whether this is still the same file with the same contents. Its permissions may have
    /// changed meanwhile.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |seen: &Self| (seen.kind, seen.size_bytes);
        of(self) == of(other) && self.place == other.place && self.modified == other.modified
    }
}

impl Kind {
    /// Returns what to call it in a sentence that complains.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "a plain file",
            Self::Folder => "a directory",
            Self::Link => "a symbolic link",
            Self::Other => "a device, pipe or socket",
        }
    }
}
