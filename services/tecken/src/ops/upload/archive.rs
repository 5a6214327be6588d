// SPDX-License-Identifier: MPL-2.0
//! The list of an archive, checked (tecken.md §5.3, §5.4).

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use releng_common::{Error, Result};
use zip::read::OwnedZipFileEntry;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{Posted, directory, end_record};
use crate::State;
use crate::domain::{Listed, SymbolPath, classify};
use crate::settings::Own;
use crate::state::Source;

const NOT_A_ZIP: &str = "File is not a zip file";
/// D-28.
const EMPTY: &str = "No files in the archive";
/// Content below this size may be as compressible as it likes.
const RATIO_FREE_BYTES: u64 = 32 << 20;
/// Longest key, the bound of the column.
const MAX_KEY_CHARS: usize = 300;

/// A file in an archive.
pub(super) struct Packed {
    /// Name in the archive.
    pub name: String,
    /// Unpacked size.
    pub size: u64,
    /// Where in the archive it is.
    pub entry: OwnedZipFileEntry,
}

/// A file that is going to be stored.
pub(super) struct Member {
    pub path: SymbolPath,
    pub packed: Packed,
}

/// An archive whose list is fine.
pub(super) struct Archive {
    /// Where the archive is.
    pub path: PathBuf,
    pub members: Vec<Member>,
    /// Files that are known and left out.
    pub ignored: Vec<Packed>,
    /// Files in whose place a later one is stored.
    pub replaced: Vec<Packed>,
}

impl Archive {
    /// Returns names and sizes of all files.
    pub fn listing(&self) -> impl Iterator<Item = (&str, u64)> {
        let members = self.members.iter().map(|member| &member.packed);
        let all = members.chain(&self.ignored).chain(&self.replaced);
        all.map(|packed| (packed.name.as_str(), packed.size))
    }

    /// Checks that the keys fit the records and the store.
    pub fn check_keys(&self, source: &Source, prefix: &str) -> Result<()> {
        for member in &self.members {
            let key = member.path.key(prefix);
            if source.full_key(&key).chars().count() > MAX_KEY_CHARS || source.key(&key).is_none() {
                let text = format!(
                    "The name of a file in the archive is too long: its key has more than \
                     {MAX_KEY_CHARS} characters ({})",
                    member.packed.name
                );
                return Err(Error::invalid(text));
            }
        }
        Ok(())
    }
}

/// Reads and checks the list.
pub(super) async fn open(state: &State, posted: &Posted) -> Result<Archive> {
    let path = posted.file.path().to_owned();
    let (own, size) = (state.settings.own.clone(), posted.size);
    state.upload_pool.run(move || read(&path, &own, size)).await
}

fn read(path: &Path, own: &Own, archive_size: u64) -> Result<Archive> {
    let mut file = spooled(path)?;
    check_count(&mut file, own.upload_max_entries)?;
    let mut zip = ZipArchive::new(file).map_err(unreadable)?;
    if zip.has_duplicate_names() {
        let start = zip.central_directory_start();
        let mut file = spooled(path)?;
        let conflict = directory::conflict(&mut file, start)
            .map_err(|e| Error::invalid(NOT_A_ZIP).with_source(e))?;
        if let Some(text) = conflict {
            return Err(Error::invalid(text));
        }
    }
    let mut listing = Listing {
        own,
        archive_size,
        total: 0,
        members: Vec::new(),
        ignored: Vec::new(),
    };
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(unreadable)?;
        listing.add(entry.into())?;
    }
    if zip.has_overlapping_entries().map_err(unreadable)? {
        return Err(Error::invalid("Files in the archive overlap"));
    }
    listing.finish(path)
}

fn spooled(path: &Path) -> Result<BufReader<File>> {
    File::open(path)
        .map(BufReader::new)
        .map_err(|e| Error::internal("the spool is gone").with_source(e))
}

/// Checks the number of entries before the list of them is taken into memory.
fn check_count(file: &mut BufReader<File>, max: usize) -> Result<()> {
    let count = end_record::count(file).map_err(|e| Error::invalid(NOT_A_ZIP).with_source(e))?;
    match count {
        None => Err(Error::invalid(NOT_A_ZIP)),
        Some(count) if usize::try_from(count).map_or(true, |count| count > max) => Err(
            Error::invalid(format!("The archive has more than {max} entries")),
        ),
        Some(_) => Ok(()),
    }
}

/// Tells the client why an archive cannot be read; all of it is the client's to mend.
fn unreadable(error: ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            Error::invalid(format!("The archive cannot be read: {error}"))
        }
        error => Error::invalid(NOT_A_ZIP).with_source(error),
    }
}

struct Listing<'a> {
    own: &'a Own,
    archive_size: u64,
    total: u64,
    members: Vec<Member>,
    ignored: Vec<Packed>,
}

impl Listing<'_> {
    fn add(&mut self, entry: OwnedZipFileEntry) -> Result<()> {
        let name = match std::str::from_utf8(entry.name_raw()) {
            Ok(name) => name.to_owned(),
            Err(_) => entry.name().map_err(unreadable)?.into_owned(),
        };
        if entry.is_dir() && name.ends_with('/') {
            return Ok(());
        }
        // A link or a device would be a way out of the archive, so it is none of the known patterns.
        let kind = entry.unix_mode().unwrap_or_default() & 0o170_000;
        let shown = if matches!(kind, 0 | 0o100_000) {
            name.clone()
        } else {
            format!("./{name}")
        };
        let listed = classify(&shown, &self.own.disallowed_symbols_snippets);
        let listed = listed.map_err(|text| Error::invalid(text.replace(&shown, &name)))?;
        self.check(&name, &entry)?;
        let size = entry.size();
        let packed = Packed { name, size, entry };
        match listed {
            Listed::Ignored => self.ignored.push(packed),
            Listed::Stored(path) => self.members.push(Member { path, packed }),
        }
        Ok(())
    }

    fn check(&mut self, name: &str, entry: &OwnedZipFileEntry) -> Result<()> {
        if entry.encrypted() {
            return Err(Error::invalid(format!(
                "The file '{name}' in the archive is encrypted"
            )));
        }
        let method = entry.compression();
        if !matches!(
            method,
            CompressionMethod::Stored | CompressionMethod::Deflated
        ) {
            let text =
                format!("The file '{name}' in the archive has an unsupported compression method");
            return Err(Error::invalid(text));
        }
        self.total = self.total.saturating_add(entry.size());
        let max = self.own.upload_max_unpacked.0;
        if self.total > max {
            let text = format!("The files in the archive have more than {max} bytes");
            return Err(Error::invalid(text));
        }
        let ratio = self.own.upload_max_ratio;
        let allowed = self
            .archive_size
            .saturating_mul(ratio)
            .max(RATIO_FREE_BYTES);
        if self.total > allowed {
            let text = format!("The files in the archive are more than {ratio} times its size");
            return Err(Error::invalid(text));
        }
        Ok(())
    }

    fn finish(self, path: &Path) -> Result<Archive> {
        if self.members.is_empty() && self.ignored.is_empty() {
            return Err(Error::invalid(EMPTY));
        }
        // Two names may become one key when their ids differ in letter case: the last one wins.
        let mut last: HashMap<SymbolPath, usize> = HashMap::new();
        for (at, member) in self.members.iter().enumerate() {
            last.insert(member.path.clone(), at);
        }
        let (mut members, mut replaced) = (Vec::new(), Vec::new());
        for (at, member) in self.members.into_iter().enumerate() {
            if last.get(&member.path) == Some(&at) {
                members.push(member);
            } else {
                replaced.push(member.packed);
            }
        }
        Ok(Archive {
            path: path.to_owned(),
            members,
            ignored: self.ignored,
            replaced,
        })
    }
}
