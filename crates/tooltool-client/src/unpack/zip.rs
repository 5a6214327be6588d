// SPDX-License-Identifier: MPL-2.0
//! Extraction of a zip file, with the same rules as for tar.

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use zip::{System, ZipArchive, read::ZipFile, result::ZipError};

use super::{
    Error,
    tree::{Member, Tree},
};

const LINK_TARGET_LIMIT_BYTES: u64 = 64 * 1024;
const TYPE_MASK: u32 = 0o170_000;
const TYPE_LINK: u32 = 0o120_000;
const TYPE_FOLDER: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;

/// Extracts all members; stops at the first that breaks a rule.
pub(super) fn extract(file: File, tree: &mut Tree<'_>) -> Result<(), Error> {
    let failed = |tree: &Tree<'_>, error: ZipError| tree.io_error("", error.into());
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| failed(tree, e))?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|e| failed(tree, e))?;
        member(entry, tree)?;
    }
    Ok(())
}

fn member<R: Read>(mut entry: ZipFile<'_, R>, tree: &mut Tree<'_>) -> Result<(), Error> {
    // Decoded, since old zips have names in a code page; a name that cannot be is taken as it is.
    let path = match entry.name() {
        Ok(name) => name.as_bytes().to_vec(),
        Err(_) => entry.name_raw().to_vec(),
    };
    let mode = mode(&entry);
    let member = Member {
        path: &path,
        mode,
        modified: None,
    };
    if entry.is_dir() {
        return tree.folder(&member);
    }
    match mode.unwrap_or(TYPE_FILE) & TYPE_MASK {
        TYPE_LINK => {
            let target = link_target(&mut entry);
            let shown = String::from_utf8_lossy(&path);
            tree.symlink(
                &member,
                &target.map_err(|error| tree.io_error(&shown, error))?,
            )
        }
        TYPE_FOLDER => tree.folder(&member),
        // Zips made elsewhere carry no type.
        TYPE_FILE | 0 => tree.file(&member, &mut entry),
        _ => Err(tree.special(&member)),
    }
}

/// The library leaves the set-id bits out, which we want to see in order to refuse them.
fn mode<R: Read>(entry: &ZipFile<'_, R>) -> Option<u32> {
    let special = match entry.system() {
        System::Dos => 0,
        _ => (entry.external_attributes() >> 16) & 0o6000,
    };
    entry.unix_mode().map(|mode| mode | special)
}

fn link_target(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut target = Vec::new();
    entry
        .take(LINK_TARGET_LIMIT_BYTES)
        .read_to_end(&mut target)?;
    Ok(target)
}
