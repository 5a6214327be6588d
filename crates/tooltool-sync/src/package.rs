// SPDX-License-Identifier: MPL-2.0
//! What an uploader drops: a manifest, a note, and a directory of files; and how it looked at one
//! moment.

use std::{ffi::OsStr, fmt, io, os::unix::ffi::OsStrExt as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    folder::{Folder, Seen},
    name::Name,
    stamp,
};

const MANIFEST: &str = ".tt";
const NOTE: &str = ".txt";
const FOLDER: &str = ".TOOLTOOL-PACKAGE";

/// Whose package it is, of which type, and its name without any ending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The uploader: a directory of the upload root.
    pub user: String,
    /// The type: a key of `target_folders`.
    pub kind: String,
    /// The name.
    pub base: Name,
}

impl Package {
    /// Returns the package of a manifest if the manifest is new: not yet marked as processed.
    pub fn of_manifest(user: &str, kind: &str, file: &OsStr) -> Option<Self> {
        let base = file.as_bytes().strip_suffix(MANIFEST.as_bytes())?;
        if stamp::begins(base) {
            return None;
        }
        Some(Self {
            user: user.to_owned(),
            kind: kind.to_owned(),
            base: Name::new(OsStr::from_bytes(base)),
        })
    }

    /// Returns the name of the manifest.
    pub fn manifest(&self) -> Name {
        self.base.with(MANIFEST)
    }

    /// Returns the name of the note.
    pub fn note(&self) -> Name {
        self.base.with(NOTE)
    }

    /// Returns the name of the directory of files.
    pub fn folder(&self) -> Name {
        self.base.with(FOLDER)
    }

    /// Returns what stands before a file's name in the state directory.
    pub fn prefix(&self, stamp: &str) -> String {
        format!("{}.{}.{stamp}.", self.user, self.kind)
    }

    /// Returns a name for files about this package: short, whatever the package is called.
    pub fn key(&self) -> String {
        let mut hasher = Sha256::new();
        // Neither part can hold a NUL, so different packages have different texts.
        for part in [
            self.user.as_bytes(),
            self.kind.as_bytes(),
            self.base.bytes(),
        ] {
            hasher.update(part);
            hasher.update([0]);
        }
        let mut key = hex::encode(hasher.finalize());
        key.truncate(32);
        key
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.user, self.kind, self.manifest())
    }
}

/// A package as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The manifest.
    pub manifest: Seen,
    /// The note, which need not exist.
    pub note: Option<Seen>,
    /// Whatever has the name of the package's directory.
    pub folder: Option<Seen>,
    /// What is in it.
    pub entries: Vec<(Name, Seen)>,
    /// There is more in it than allowed, and `entries` is empty.
    pub too_many: bool,
}

impl Snapshot {
    /// Looks at a package; `None` if its manifest is gone.
    ///
    /// # Errors
    /// Something of it cannot be looked at.
    pub fn take(place: &Folder, package: &Package, limit: usize) -> io::Result<Option<Self>> {
        let Some(manifest) = place.look(package.manifest())? else {
            return Ok(None);
        };
        let mut snapshot = Self {
            manifest,
            note: place.look(package.note())?,
            folder: place.look(package.folder())?,
            entries: Vec::new(),
            too_many: false,
        };
        // What is no directory, or may not be opened, is complained about by the check.
        let Ok(folder) = place.child(package.folder(), false) else {
            return Ok(Some(snapshot));
        };
        match folder.names(limit)? {
            Err(_) => snapshot.too_many = true,
            Ok(names) => {
                for name in names {
                    // One that vanishes in between leaves a different state behind.
                    if let Some(seen) = folder.look(&name)? {
                        snapshot.entries.push((Name::new(name), seen));
                    }
                }
            }
        }
        Ok(Some(snapshot))
    }

    /// Returns what was seen of a file of the package.
    pub fn entry(&self, name: &str) -> Option<&Seen> {
        let name = name.as_bytes();
        let found = self
            .entries
            .binary_search_by(|(entry, _)| entry.bytes().cmp(name));
        self.entries.get(found.ok()?).map(|(_, seen)| seen)
    }

    /// Returns a fingerprint of names, sizes, times and identities: another one means that the
    /// uploader did something.
    pub fn state(&self) -> String {
        self.fingerprint(|seen| {
            format!(
                "{:?} {} {} {}",
                seen.kind, seen.size_bytes, seen.place, seen.modified
            )
        })
    }

    /// Returns a fingerprint that differs also when something was overwritten in place with the
    /// old time restored, or when permissions changed.
    pub fn exact(&self) -> String {
        self.fingerprint(|seen| format!("{seen:?}"))
    }

    fn fingerprint(&self, describe: impl Fn(&Seen) -> String) -> String {
        let mut hasher = Sha256::new();
        let mut add = |name: &[u8], seen: Option<&Seen>| {
            hasher.update(name);
            hasher.update([0]);
            hasher.update(seen.map(&describe).unwrap_or_default());
            hasher.update([0]);
        };
        add(MANIFEST.as_bytes(), Some(&self.manifest));
        add(NOTE.as_bytes(), self.note.as_ref());
        // The directory's own times change whenever a transfer puts a temporary file there; what
        // stays is among the entries.
        let folder = self.folder.as_ref().map(|seen| Seen {
            modified: self.folder_time(&seen.modified),
            changed: self.folder_time(&seen.changed),
            size_bytes: 0,
            ..seen.clone()
        });
        add(FOLDER.as_bytes(), folder.as_ref());
        for (name, seen) in &self.entries {
            add(name.bytes(), Some(seen));
        }
        hex::encode(hasher.finalize())
    }

    fn folder_time(&self, time: &str) -> String {
        if self.too_many {
            time.to_owned()
        } else {
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn package() -> Package {
        Package::of_manifest("alice", "pub", OsStr::new("a-package.tt")).unwrap()
    }

    #[test]
    fn only_an_unmarked_manifest_is_new() {
        for (name, is_new) in [
            ("a-package.tt", true),
            (".tt", true),
            ("2026.tt", true),
            ("2026_03_09-12.00.59.a-package.tt", false),
            ("2026_03_09-12.00.59.tt", false),
            ("a-package.txt", false),
            ("a-package.tt.part", false),
            ("a-package.TT", false),
        ] {
            let found = Package::of_manifest("alice", "pub", OsStr::new(name));
            assert_eq!(found.is_some(), is_new, "{name}");
        }
    }

    #[test]
    fn a_package_is_named_as_people_know_it() {
        let package = package();
        assert_eq!(package.to_string(), "alice/pub/a-package.tt");
        assert_eq!(package.folder().to_string(), "a-package.TOOLTOOL-PACKAGE");
        assert_eq!(package.prefix("T"), "alice.pub.T.");
        assert_eq!(package.key().len(), 32);
    }

    #[test]
    fn whatever_changes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let place = Folder::open(folder.path()).unwrap();
        let take = || Snapshot::take(&place, &package(), 10).unwrap();
        assert_eq!(take(), None);
        fs::write(at("a-package.tt"), "[]").unwrap();
        let mut last = take().unwrap();
        let mut differs = |what: &str, step: &dyn Fn()| {
            step();
            let next = take().unwrap();
            assert_ne!(last.state(), next.state(), "{what}");
            assert_ne!(last.exact(), next.exact(), "{what}");
            last = next;
        };
        let files = at("a-package.TOOLTOOL-PACKAGE");
        differs("a note", &|| fs::write(at("a-package.txt"), "x").unwrap());
        differs("a directory", &|| fs::create_dir(&files).unwrap());
        differs("a file", &|| fs::write(files.join("f"), "x").unwrap());
        differs("another size", &|| {
            fs::write(files.join("f"), "xx").unwrap()
        });
        differs("another file of the same name", &|| {
            fs::write(files.join("g"), "xx").unwrap();
            fs::rename(files.join("g"), files.join("f")).unwrap();
        });
        differs("no file", &|| fs::remove_file(files.join("f")).unwrap());
        fs::write(files.join("f"), "x").unwrap();
        let before = take().unwrap();
        assert_eq!(take().unwrap().exact(), before.exact());
        fs::set_permissions(files.join("f"), fs::Permissions::from_mode(0o600)).unwrap();
        let after = take().unwrap();
        assert_eq!(before.state(), after.state(), "permissions alone");
        assert_ne!(before.exact(), after.exact(), "permissions alone");
    }
}
