// SPDX-License-Identifier: MPL-2.0
//! What differs between Unix and other systems: names, permission bits, symbolic links.

pub(super) use imp::{name, set_mode, symlink};

#[cfg(unix)]
mod imp {
    use std::{
        ffi::OsString,
        fs, io,
        os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
        path::Path,
    };

    /// Returns a path part; Unix names are bytes.
    pub fn name(bytes: &[u8]) -> OsString {
        OsString::from_vec(bytes.to_vec())
    }

    /// Sets permission bits.
    pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777))
    }

    /// Makes a symbolic link.
    pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::{ffi::OsString, io, path::Path};

    /// Returns a path part; names that are not text lose what cannot be shown.
    pub fn name(bytes: &[u8]) -> OsString {
        String::from_utf8_lossy(bytes).into_owned().into()
    }

    /// There are no permission bits.
    pub fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    /// Symbolic links need rights that build machines lack.
    pub fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
