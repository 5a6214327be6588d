// SPDX-License-Identifier: MPL-2.0
//! Extraction of a tar stream.

use std::{
    io::{self, Read},
    time::{Duration, UNIX_EPOCH},
};

use tar::{Archive, Entry, EntryType};

use super::{
    Error,
    tree::{Member, Tree},
};

/// Extracts all members; stops at the first that breaks a rule.
pub(super) fn extract(reader: Box<dyn Read>, tree: &mut Tree<'_>) -> Result<(), Error> {
    let mut archive = Archive::new(reader);
    for entry in archive
        .entries()
        .map_err(|error| tree.io_error("", error))?
    {
        let entry = entry.map_err(|error| tree.io_error("", error))?;
        member(entry, tree)?;
    }
    Ok(())
}

fn member(mut entry: Entry<'_, Box<dyn Read>>, tree: &mut Tree<'_>) -> Result<(), Error> {
    let path = entry.path_bytes().into_owned();
    let shown = String::from_utf8_lossy(&path).into_owned();
    let header = entry.header();
    let kind = header.entry_type();
    let broken = |tree: &Tree<'_>, error| tree.io_error(&shown, error);
    let mode = header.mode().map_err(|error| broken(tree, error))?;
    let modified_secs = header.mtime().map_err(|error| broken(tree, error))?;
    let member = Member {
        path: &path,
        mode: Some(mode),
        modified: UNIX_EPOCH.checked_add(Duration::from_secs(modified_secs)),
    };
    let target = entry
        .link_name_bytes()
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default();
    match kind {
        EntryType::XGlobalHeader => Ok(()),
        EntryType::Directory => tree.folder(&member),
        // The oldest tars mark a folder by nothing but the slash.
        EntryType::Regular if path.ends_with(b"/") => tree.folder(&member),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            if has_unknown_sparse(&mut entry).map_err(|error| broken(tree, error))? {
                let cause = io::Error::other("this kind of sparse file is not supported");
                return Err(broken(tree, cause));
            }
            tree.file(&member, &mut entry)
        }
        EntryType::Symlink => tree.symlink(&member, &target),
        EntryType::Link => tree.hard_link(&member, &target),
        _ => Err(tree.special(&member)),
    }
}

/// The newer sparse formats keep a map inside the data; taking that as contents would be wrong.
fn has_unknown_sparse(entry: &mut Entry<'_, Box<dyn Read>>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else {
        return Ok(false);
    };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}
