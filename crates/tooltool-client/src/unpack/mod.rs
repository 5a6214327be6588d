// SPDX-License-Identifier: MPL-2.0
//! Unpacking of archives from strangers: an archive is extracted into a temporary folder under
//! strict rules and moved to its place only as a whole, so that a bad one leaves nothing.

mod format;
mod kept;
mod place;
mod platform;
mod tar;
mod tree;
mod zip;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use crate::{log::Log, temporary};

use self::{
    format::Format,
    kept::Kept,
    tree::{Kind, Tree},
};

/// Bounds and circumstances of unpacking.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most bytes that one archive may unpack to; 64 GiB unless told otherwise.
    pub size_limit_bytes: u64,
    /// The most members that one archive may have; 1,000,000 unless told otherwise.
    pub member_limit: u64,
    /// Whether symbolic links can be made here; if not, their targets are copied.
    pub can_link: bool,
    /// Files that no archive may put others in the place of.
    pub kept: Vec<PathBuf>,
    /// Set from outside to stop at the next opportunity.
    pub cancelled: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            size_limit_bytes: 64 << 30,
            member_limit: 1_000_000,
            can_link: cfg!(unix),
            kept: Vec::new(),
            cancelled: Arc::default(),
        }
    }
}

/// Why an archive is not unpacked. Nothing of it is left on disk then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither tar nor zip.
    #[error("Unknown archive extension for filename '{0}'")]
    UnknownFormat(String),
    /// A member's path leaves the target folder.
    #[error("Attempted path traversal in {0} file: {1}")]
    PathTraversal(Kind, String),
    /// The target of a symbolic or hard link leaves the target folder.
    #[error("Attempted link path traversal in {0} file: {1}")]
    LinkTraversal(Kind, String),
    /// A member would run with its owner's rights.
    #[error("Attempted setuid or setgid in {0} file: {1}")]
    SetId(Kind, String),
    /// A member lies behind a symbolic link of the same archive.
    #[error("Attempted write through a symbolic link in {0} file: {1}")]
    ThroughLink(Kind, String),
    /// A member would take the place of a file that the manifest needs.
    #[error("Attempted overwrite of a file that the manifest needs in {0} file: {1}")]
    Overwrite(Kind, String),
    /// A device node, FIFO or another thing that is no file, folder or link.
    #[error("Attempted special file in {0} file: {1}")]
    SpecialFile(Kind, String),
    /// One of the limits is exceeded.
    #[error("cannot unpack '{archive}': {rule}")]
    Limit {
        /// The archive.
        archive: String,
        /// The limit.
        rule: String,
    },
    /// The archive cannot be read or the disk cannot be written.
    #[error("cannot unpack '{archive}': {context}{cause}")]
    Io {
        /// The archive.
        archive: String,
        /// The member at hand, with a separator, or nothing.
        context: String,
        /// What went wrong.
        cause: io::Error,
    },
}

/// Unpacks `folder/archive` into `folder`. The folder expected from the archive's name is
/// replaced, other folders are merged, other files are replaced.
///
/// # Errors
/// The archive breaks a rule or cannot be read, or the disk cannot be written.
pub fn unpack(folder: &Path, archive: &str, options: &Options, log: &Log) -> Result<(), Error> {
    let failed = |cause: io::Error| Error::Io {
        archive: archive.to_owned(),
        context: String::new(),
        cause,
    };
    let format = format::detect(&folder.join(archive)).map_err(failed)?;
    let temporary = temporary::folder_in(folder).map_err(failed)?;
    let kind = format.kind();
    let mut tree = Tree::new(temporary.path().to_owned(), kind, archive, options, log);
    match format {
        Format::Tar(reader) => tar::extract(reader, &mut tree)?,
        Format::Zip(file) => zip::extract(file, &mut tree)?,
        Format::Unknown => return Err(Error::UnknownFormat(archive.to_owned())),
    }
    let folders = tree.finish()?;
    let replaced = expected_folder(archive).map(Path::new);
    place::check(temporary.path(), folder, replaced).map_err(failed)?;
    let kept = Kept::of(&options.kept);
    let threat = kept.threat(temporary.path(), folder, replaced);
    if let Some(entry) = threat.map_err(failed)? {
        return Err(Error::Overwrite(kind, entry.display().to_string()));
    }
    let old = temporary::folder_in(folder).map_err(failed)?;
    if let Some(replaced) = replaced {
        place::set_aside(&folder.join(replaced), &old.path().join(replaced)).map_err(failed)?;
    }
    place::merge_into(temporary.path(), folder).map_err(failed)?;
    place::finish_folders(folder, folders).map_err(failed)
}

/// Returns the folder that an archive is expected to contain: for `.tar.zst` and `.zip` the name
/// without that, otherwise without its last two extensions.
pub fn expected_folder(archive: &str) -> Option<&str> {
    let name = archive
        .strip_suffix(".tar.zst")
        .or_else(|| archive.strip_suffix(".zip"));
    let name = match name {
        Some(name) => name,
        None => without_extension(without_extension(archive)),
    };
    // "...tar.gz" must not stand for the parent folder.
    Some(name).filter(|name| !matches!(*name, "" | "." | ".."))
}

fn without_extension(name: &str) -> &str {
    Path::new(name)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
