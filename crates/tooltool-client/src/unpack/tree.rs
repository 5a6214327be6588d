// SPDX-License-Identifier: MPL-2.0
//! The temporary folder an archive is extracted into, and the rules for what may enter it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
    sync::atomic::Ordering,
    time::SystemTime,
};

use super::{Error, Options, platform};
use crate::log::Log;

const CHUNK_BYTES: usize = 128 * 1024;
/// As in Linux; a longer chain of links is a loop.
const LINK_HOPS: usize = 40;
const SET_ID_BITS: u32 = 0o6000;

/// The family of an archive, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tar, compressed or not.
    Tar,
    /// Zip.
    Zip,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tar => "tar",
            Self::Zip => "zip",
        })
    }
}

/// What the archive says about a member.
pub(super) struct Member<'a> {
    pub path: &'a [u8],
    pub mode: Option<u32>,
    pub modified: Option<SystemTime>,
}

impl Member<'_> {
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(self.path).into_owned()
    }
}

/// A folder whose permission bits and time are set after everything is in it.
pub(super) struct Folder {
    pub path: PathBuf,
    pub mode: Option<u32>,
    pub modified: Option<SystemTime>,
}

/// A symbolic link, by its name in the archive and its cleaned path.
pub(super) struct Link {
    pub shown: String,
    pub path: PathBuf,
    pub target: PathBuf,
}

pub(super) struct Tree<'a> {
    pub(super) root: PathBuf,
    kind: Kind,
    archive: &'a str,
    pub(super) options: &'a Options,
    pub(super) log: &'a Log,
    members: u64,
    size_bytes: u64,
    folders: Vec<Folder>,
    links: Vec<Link>,
}

impl<'a> Tree<'a> {
    pub fn new(
        root: PathBuf,
        kind: Kind,
        archive: &'a str,
        options: &'a Options,
        log: &'a Log,
    ) -> Self {
        Self {
            root,
            kind,
            archive,
            options,
            log,
            members: 0,
            size_bytes: 0,
            folders: Vec::new(),
            links: Vec::new(),
        }
    }

    pub fn folder(&mut self, member: &Member<'_>) -> Result<(), Error> {
        let path = self.admit(member)?;
        if path == Path::new("") {
            return Ok(());
        }
        let place = self.clear_place(member, &path)?;
        if !place.is_dir() {
            fs::create_dir(&place).map_err(|error| self.io_error(&member.shown(), error))?;
        }
        self.folders.push(Folder {
            path,
            mode: member.mode,
            modified: member.modified,
        });
        Ok(())
    }

    pub fn file(&mut self, member: &Member<'_>, contents: &mut dyn Read) -> Result<(), Error> {
        let path = self.admit_named(member)?;
        let place = self.clear_place(member, &path)?;
        let failed = |tree: &Self, error| tree.io_error(&member.shown(), error);
        let mut file = File::create_new(&place).map_err(|error| failed(self, error))?;
        self.copy(member, contents, &mut file)?;
        if let Some(modified) = member.modified {
            file.set_modified(modified)
                .map_err(|error| failed(self, error))?;
        }
        if let Some(mode) = member.mode {
            platform::set_mode(&place, mode).map_err(|error| failed(self, error))?;
        }
        Ok(())
    }

    pub fn symlink(&mut self, member: &Member<'_>, target: &[u8]) -> Result<(), Error> {
        let path = self.admit_named(member)?;
        let mut full = path.parent().map(Path::to_owned).unwrap_or_default();
        if target.is_empty() || clean(&mut full, target).is_none() {
            return Err(Error::LinkTraversal(self.kind, member.shown()));
        }
        let place = self.clear_place(member, &path)?;
        let target = PathBuf::from(platform::name(target));
        if self.options.can_link {
            platform::symlink(&target, &place)
                .map_err(|error| self.io_error(&member.shown(), error))?;
        }
        self.links.push(Link {
            shown: member.shown(),
            path,
            target,
        });
        Ok(())
    }

    pub fn hard_link(&mut self, member: &Member<'_>, target: &[u8]) -> Result<(), Error> {
        let path = self.admit_named(member)?;
        let mut source = PathBuf::new();
        let inside = clean(&mut source, target).is_some() && source != Path::new("");
        // A second name for a symbolic link would point elsewhere from its new place.
        if !inside || self.first_link(&source).is_some() {
            return Err(Error::LinkTraversal(self.kind, member.shown()));
        }
        let place = self.clear_place(member, &path)?;
        let source = self.root.join(source);
        fs::hard_link(&source, &place)
            .or_else(|_| fs::copy(&source, &place).map(drop))
            .map_err(|error| self.io_error(&member.shown(), error))
    }

    /// Checks what can only be checked when all is there. Returns the folders to finish.
    pub fn finish(mut self) -> Result<Vec<Folder>, Error> {
        if self.options.can_link {
            for link in &self.links {
                if self.leaves(&link.path) {
                    return Err(Error::LinkTraversal(self.kind, link.shown.clone()));
                }
            }
        } else {
            let links = std::mem::take(&mut self.links);
            let limit = self.options.size_limit_bytes;
            super::place::copy_link_targets(&self.root, links, limit, self.log)
                .map_err(|error| self.io_error("", error))?;
        }
        Ok(self.folders)
    }

    pub fn special(&self, member: &Member<'_>) -> Error {
        Error::SpecialFile(self.kind, member.shown())
    }

    pub fn io_error(&self, member: &str, cause: io::Error) -> Error {
        let context = if member.is_empty() {
            String::new()
        } else {
            format!("'{member}': ")
        };
        Error::Io {
            archive: self.archive.to_owned(),
            context,
            cause,
        }
    }

    /// Applies the rules that hold for every member; returns its cleaned path.
    fn admit(&mut self, member: &Member<'_>) -> Result<PathBuf, Error> {
        self.members = self.members.saturating_add(1);
        if self.members > self.options.member_limit {
            return Err(self.limit(format!("more than {} members", self.options.member_limit)));
        }
        if member.mode.is_some_and(|mode| mode & SET_ID_BITS != 0) {
            return Err(Error::SetId(self.kind, member.shown()));
        }
        let mut path = PathBuf::new();
        clean(&mut path, member.path)
            .ok_or_else(|| Error::PathTraversal(self.kind, member.shown()))?;
        if path
            .parent()
            .is_some_and(|parent| self.first_link(parent).is_some())
        {
            return Err(Error::ThroughLink(self.kind, member.shown()));
        }
        Ok(path)
    }

    fn admit_named(&mut self, member: &Member<'_>) -> Result<PathBuf, Error> {
        let path = self.admit(member)?;
        if path == Path::new("") {
            return Err(Error::PathTraversal(self.kind, member.shown()));
        }
        Ok(path)
    }

    /// Makes the folders above a member and removes a file or link at its place.
    fn clear_place(&self, member: &Member<'_>, path: &Path) -> Result<PathBuf, Error> {
        let place = self.root.join(path);
        let cleared = || {
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent)?;
            }
            match place.symlink_metadata() {
                Ok(metadata) if !metadata.is_dir() => fs::remove_file(&place),
                _ => Ok(()),
            }
        };
        cleared().map_err(|error: io::Error| self.io_error(&member.shown(), error))?;
        Ok(place)
    }

    fn copy(
        &mut self,
        member: &Member<'_>,
        from: &mut dyn Read,
        to: &mut File,
    ) -> Result<(), Error> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.io_error(&member.shown(), error)),
            };
            self.size_bytes = self
                .size_bytes
                .saturating_add(u64::try_from(count).unwrap_or(0));
            if self.size_bytes > self.options.size_limit_bytes {
                let limit = self.options.size_limit_bytes;
                return Err(self.limit(format!("it unpacks to more than {limit} bytes")));
            }
            if self.options.cancelled.load(Ordering::Relaxed) {
                return Err(self.limit("interrupted".to_owned()));
            }
            to.write_all(chunk.get(..count).unwrap_or_default())
                .map_err(|error| self.io_error(&member.shown(), error))?;
        }
    }

    fn limit(&self, rule: String) -> Error {
        Error::Limit {
            archive: self.archive.to_owned(),
            rule,
        }
    }

    /// Returns the first part of a path inside the tree that is a symbolic link.
    fn first_link(&self, path: &Path) -> Option<PathBuf> {
        // Links that could not be made are links all the same.
        let is_link = |path: &Path| {
            self.root.join(path).is_symlink()
                || (!self.options.can_link && self.links.iter().any(|link| link.path == path))
        };
        let mut parts: Vec<_> = path
            .ancestors()
            .filter(|part| *part != Path::new(""))
            .collect();
        parts.reverse();
        parts
            .into_iter()
            .find(|part| is_link(part))
            .map(Path::to_owned)
    }

    /// Follows a link through the tree as the system would: text alone is not enough, because
    /// `..` behind another link starts from where that one leads.
    fn leaves(&self, link: &Path) -> bool {
        let mut at = PathBuf::new();
        let mut todo: VecDeque<OsString> = parts(link);
        let mut hops = 0;
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                if !at.pop() {
                    return true;
                }
                continue;
            }
            at.push(part);
            if let Ok(target) = fs::read_link(self.root.join(&at)) {
                hops += 1;
                if hops > LINK_HOPS || target.is_absolute() {
                    return true;
                }
                at.pop();
                for part in parts(&target).into_iter().rev() {
                    todo.push_front(part);
                }
            }
        }
        false
    }
}

/// Appends the parts of an archive path to `base`, resolving `.` and `..`; `None` if the path is
/// absolute or leaves.
pub(super) fn clean(base: &mut PathBuf, path: &[u8]) -> Option<()> {
    let backslash_separates = cfg!(windows);
    let separates = |byte: &u8| *byte == b'/' || (backslash_separates && *byte == b'\\');
    if path.first().is_some_and(separates) || path.contains(&0) {
        return None;
    }
    for part in path.split(separates) {
        match part {
            b"" | b"." => {}
            b".." => {
                if !base.pop() {
                    return None;
                }
            }
            // A drive or stream of Windows.
            _ if cfg!(windows) && part.contains(&b':') => return None,
            _ => base.push(platform::name(part)),
        }
    }
    Some(())
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}
