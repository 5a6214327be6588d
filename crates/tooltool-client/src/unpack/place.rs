// SPDX-License-Identifier: MPL-2.0
//! Moving an extracted tree to its place, and what has to happen around that.

use std::{
    cmp::Reverse,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    platform,
    tree::{Folder, Link, clean},
};
use crate::log::Log;

/// Moves a folder out of the way, as a whole, so that whoever is killed meanwhile leaves no half of
/// it; anything but a folder stays.
pub(super) fn set_aside(folder: &Path, aside: &Path) -> io::Result<()> {
    let is_folder = folder.symlink_metadata().is_ok_and(|found| found.is_dir());
    if !is_folder {
        return Ok(());
    }
    match fs::rename(folder, aside) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // A folder that changes its parent is written to, and toolchains are often packed with
            // read-only folders.
            platform::set_mode(folder, 0o700)?;
            fs::rename(folder, aside)
        }
        outcome => outcome,
    }
}

/// Tells whether everything in `from` can be moved into `to`, before anything is changed there.
/// What is in `replaced` will have been removed by then.
pub(super) fn check(from: &Path, to: &Path, replaced: Option<&Path>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let is_folder = target.symlink_metadata().is_ok_and(|there| there.is_dir());
        if !is_folder || replaced == Some(Path::new(&entry.file_name())) {
            continue;
        }
        if !entry.file_type()?.is_dir() {
            return Err(in_the_way(&target));
        }
        check(&entry.path(), &target, None)?;
    }
    Ok(())
}

fn in_the_way(folder: &Path) -> io::Error {
    io::Error::other(format!("the folder {} is in the way", folder.display()))
}

/// Moves everything in `from` into `to`. Folders are merged, files and links are replaced.
pub(super) fn merge_into(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match target.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(there) if there.is_dir() && entry.file_type()?.is_dir() => {
                merge_into(&entry.path(), &target)?;
                continue;
            }
            Ok(there) if there.is_dir() => return Err(in_the_way(&target)),
            Ok(_) => fs::remove_file(&target)?,
        }
        fs::rename(entry.path(), target)?;
    }
    Ok(())
}

/// Sets permission bits and times, the deepest first: a read-only folder cannot be worked in.
pub(super) fn finish_folders(root: &Path, mut folders: Vec<Folder>) -> io::Result<()> {
    // Stable: of two entries for one folder the later one counts.
    folders.sort_by_key(|folder| Reverse(folder.path.components().count()));
    for folder in folders {
        let path = root.join(folder.path);
        if let Some(modified) = folder.modified {
            // Not every system opens folders.
            File::open(&path)
                .and_then(|opened| opened.set_modified(modified))
                .ok();
        }
        if let Some(mode) = folder.mode {
            platform::set_mode(&path, mode)?;
        }
    }
    Ok(())
}

/// Puts a copy of its target in the place of each link, for systems without links. A target may
/// itself be a link that is still to be replaced, hence the rounds.
pub(super) fn copy_link_targets(
    root: &Path,
    links: Vec<Link>,
    limit_bytes: u64,
    log: &Log,
) -> io::Result<()> {
    let mut waiting = links;
    let mut budget = limit_bytes;
    loop {
        let before = waiting.len();
        let mut still_waiting = Vec::new();
        for link in waiting {
            let place = root.join(&link.path);
            let source = link_target(root, &link);
            if place.starts_with(&source) {
                log.warning(format_args!(
                    "link {} contains itself, left out",
                    link.shown
                ));
            } else if place.symlink_metadata().is_ok() {
                // A later member has taken the place.
            } else if source.exists() {
                copy_tree(&source, &place, &mut budget)?;
            } else {
                still_waiting.push(link);
            }
        }
        if still_waiting.len() == before || still_waiting.is_empty() {
            for link in still_waiting {
                log.warning(format_args!(
                    "link {} points to nothing: {}",
                    link.shown,
                    link.target.display()
                ));
            }
            return Ok(());
        }
        waiting = still_waiting;
    }
}

fn link_target(root: &Path, link: &Link) -> PathBuf {
    let mut target = link.path.parent().map(Path::to_owned).unwrap_or_default();
    // The rules have been applied when the link was admitted.
    let inside = clean(&mut target, link.target.as_os_str().as_encoded_bytes()).is_some();
    if inside {
        root.join(target)
    } else {
        root.to_owned()
    }
}

/// Links to folders that hold copies of links multiply the bytes, hence the budget.
fn copy_tree(from: &Path, to: &Path, budget: &mut u64) -> io::Result<()> {
    if !from.is_dir() {
        let rest = budget.checked_sub(from.metadata()?.len());
        *budget = rest.ok_or_else(|| io::Error::other("copies of links take too much space"))?;
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()), budget)?;
    }
    Ok(())
}
