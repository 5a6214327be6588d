// SPDX-License-Identifier: MPL-2.0
//! Seals: marks on objects that PUTs which are late may not replace.
//!
//! A URL limits when a PUT begins, not when it ends. Whoever has read an object after its URLs ended
//! seals it, up to the end of those URLs; a PUT that began with one of them and ends now is refused.
//!
//! The mark is on the file of the object itself and so goes with it: nobody may write to it (mode
//! 0400), and its time of change is the end of the URLs. Nothing else here reads these two.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::temporary::lock;

const SEALED_MODE: u32 = 0o400;

/// Seals the file at a path up to a moment. Returns whether there is one.
pub(crate) fn seal(path: &Path, until: SystemTime) -> io::Result<bool> {
    let Some(file) = lock_current(path)? else {
        return Ok(false);
    };
    let known = file.metadata()?;
    let until = if is_sealed(&known) {
        known.modified()?.max(until)
    } else {
        until
    };
    file.set_modified(until)?;
    file.set_permissions(Permissions::from_mode(SEALED_MODE))?;
    // Decisions that rest on the seal must not outlive it when the machine loses power.
    file.sync_all()?;
    Ok(true)
}

/// Opens and locks the file that is at a path when the lock is there: while one waits for it, another
/// file may take the name.
pub(crate) fn lock_current(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        lock(&file)?;
        match fs::metadata(path) {
            Ok(now) if identity(&now) == identity(&file.metadata()?) => return Ok(Some(file)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
}

/// Tells whether a PUT through a URL that ended at `url_ends` may not replace this file.
pub(crate) fn is_sealed_against(file: &File, url_ends: SystemTime) -> io::Result<bool> {
    let known = file.metadata()?;
    Ok(is_sealed(&known) && url_ends <= known.modified()?)
}

fn is_sealed(known: &Metadata) -> bool {
    known.mode() & 0o777 == SEALED_MODE
}

fn identity(known: &Metadata) -> (u64, u64) {
    (known.dev(), known.ino())
}
