// SPDX-License-Identifier: MPL-2.0
//! Files that no archive may put others in the place of: the manifest and the files of its records.
//! Whoever packs an archive decides about its contents, not about what else a manifest says.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
};

/// The real paths of the files that stay as they are.
pub(super) struct Kept(Vec<PathBuf>);

impl Kept {
    /// Reads where the files really are; those that are not there need no protection.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let real = files.iter().filter_map(|file| file.canonicalize().ok());
        Self(real.collect())
    }

    /// Returns the first entry of `from` that would take the place of such a file in `to`, if it is
    /// not the same bytes. The folder `replaced` of `to` will be removed as a whole.
    pub(super) fn threat(
        &self,
        from: &Path,
        to: &Path,
        replaced: Option<&Path>,
    ) -> io::Result<Option<PathBuf>> {
        if let Some(name) = replaced
            && let Ok(folder) = to.join(name).canonicalize()
            && folder.is_dir()
            && self.0.iter().any(|kept| kept.starts_with(&folder))
        {
            return Ok(Some(name.to_owned()));
        }
        self.threat_below(from, to)
    }

    fn threat_below(&self, from: &Path, to: &Path) -> io::Result<Option<PathBuf>> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let name = PathBuf::from(entry.file_name());
            let target = to.join(&name);
            // Most are not there yet.
            let Ok(there) = target.symlink_metadata() else {
                continue;
            };
            let kind = entry.file_type()?;
            if there.is_dir() && kind.is_dir() {
                if let Some(found) = self.threat_below(&entry.path(), &target)? {
                    return Ok(Some(name.join(found)));
                }
            } else if self.is_kept(&target) && !(kind.is_file() && is_same(&entry.path(), &target)?)
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn is_kept(&self, target: &Path) -> bool {
        let real = target.canonicalize();
        real.is_ok_and(|real| self.0.contains(&real))
    }
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut others = BufReader::new(other).bytes();
    for byte in BufReader::new(one).bytes() {
        if others.next().transpose()? != Some(byte?) {
            return Ok(false);
        }
    }
    Ok(true)
}
