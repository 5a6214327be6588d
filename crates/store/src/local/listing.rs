// SPDX-License-Identifier: MPL-2.0
//! Lists of a folder in the order of S3: byte order of the keys, where a slash is a character like
//! any other.
//!
//! In one folder, a file stands for its text and a sub-folder for its text with a slash; sorted by
//! these, depth first, the keys come out in order. The beginnings of long segments are opened while
//! the folder is read, because their continuations sort among its other names. One page holds the
//! names of the folders on the way to its keys in memory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use super::format;
use super::layout::{Name, folder_path, parse_name};
use crate::{Listed, PAGE_MAX, Page};

/// What is asked for.
pub(crate) struct Query {
    prefix: String,
    start_after: Option<String>,
    limit: usize,
}

/// A file or a sub-folder, sorted by its key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The key of a file, the common beginning of the keys of a folder.
    key: Vec<u8>,
    is_folder: bool,
    path: PathBuf,
}

impl Query {
    pub(crate) fn new(prefix: &str, start_after: Option<&str>, limit: usize) -> Self {
        Self {
            prefix: prefix.to_owned(),
            start_after: start_after.map(str::to_owned),
            limit: limit.min(PAGE_MAX),
        }
    }

    pub(crate) fn run(&self, objects: &Path) -> io::Result<Page> {
        let mut page = Page::default();
        if self.limit == 0 {
            return Ok(page);
        }
        let mut levels = vec![self.first_level(objects)?];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.next() else {
                levels.pop();
                continue;
            };
            if entry.is_folder {
                if self.may_hold(&entry.key) {
                    levels.push(read_level(&entry.path, &entry.key)?);
                }
            } else if self.wants(&entry.key)
                && let Some(listed) = read_entry(&entry)?
            {
                if page.objects.len() == self.limit {
                    page.is_truncated = true;
                    break;
                }
                page.objects.push(listed);
            }
        }
        Ok(page)
    }

    /// Reads the deepest folder that all wanted keys share.
    fn first_level(&self, objects: &Path) -> io::Result<IntoIter<Entry>> {
        match self.prefix.rsplit_once('/') {
            Some((folders, _)) => read_level(
                &folder_path(objects, folders),
                format!("{folders}/").as_bytes(),
            ),
            None => read_level(objects, b""),
        }
    }

    fn may_hold(&self, folder: &[u8]) -> bool {
        let prefix = self.prefix.as_bytes();
        let has_prefix = folder.starts_with(prefix) || prefix.starts_with(folder);
        let after = self.start_after.as_deref().map(str::as_bytes);
        has_prefix && after.is_none_or(|after| folder > after || after.starts_with(folder))
    }

    fn wants(&self, key: &[u8]) -> bool {
        let after = self.start_after.as_deref().map(str::as_bytes);
        key.starts_with(self.prefix.as_bytes()) && after.is_none_or(|after| key > after)
    }
}

fn read_level(folder: &Path, key: &[u8]) -> io::Result<IntoIter<Entry>> {
    let mut entries = Vec::new();
    let mut unread = vec![(folder.to_owned(), key.to_vec())];
    while let Some((folder, key)) = unread.pop() {
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            // It was never there, or became empty and was removed a moment ago.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for name in names {
            let name = name?.file_name();
            let Some(parsed) = name.to_str().and_then(parse_name) else {
                continue;
            };
            let path = folder.join(&name);
            let with = |text: &[u8], end: &[u8]| [&key, text, end].concat();
            match parsed {
                Name::Folder(text) => {
                    entries.push(Entry {
                        key: with(&text, b"/"),
                        is_folder: true,
                        path,
                    });
                }
                Name::Object(text) => {
                    entries.push(Entry {
                        key: with(&text, b""),
                        is_folder: false,
                        path,
                    });
                }
                Name::Beginning(text) => unread.push((path, with(&text, b""))),
            }
        }
    }
    entries.sort_unstable();
    Ok(entries.into_iter())
}

fn read_entry(entry: &Entry) -> io::Result<Option<Listed>> {
    let Ok(key) = String::from_utf8(entry.key.clone()) else {
        return Ok(None);
    };
    let file = match File::open(&entry.path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let meta = format::read(&file)?.into_meta();
    let (size, etag, last_modified) = (meta.size, meta.etag, meta.last_modified);
    Ok(Some(Listed {
        key,
        size,
        etag,
        last_modified,
    }))
}
