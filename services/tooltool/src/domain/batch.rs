// SPDX-License-Identifier: MPL-2.0
//! A batch: one act of uploading.

use chrono::NaiveDateTime;
use releng_common::{Error, Result};

use super::{File, Filename, Sha512, Visibility};

/// Largest size that the column holds.
pub const MAX_SIZE: u64 = 9_223_372_036_854_775_807;

/// Text for a digest whose visibility is settled.
pub const VISIBILITY_IS_SETTLED: &str = "Cannot change already existing file's visibility level.";

/// A batch as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Id.
    pub id: i32,
    /// When, in UTC.
    pub uploaded: NaiveDateTime,
    /// Client id of the uploader.
    pub author: String,
    /// What it is about.
    pub message: String,
    /// The files, by name.
    pub files: Vec<BatchFile>,
}

/// A file of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFile {
    /// Its name in this batch.
    pub filename: String,
    /// The file.
    pub file: File,
}

/// A batch that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    message: String,
    files: Vec<NewFile>,
}

/// A file that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name in this batch.
    pub filename: Filename,
    /// Digest of its bytes.
    pub digest: Sha512,
    /// Number of its bytes.
    pub size: i64,
    /// Who may download it.
    pub visibility: Visibility,
}

impl NewBatch {
    /// Checks that the entries do not contradict each other: two names for one file are fine, two
    /// sizes or two visibilities are not.
    ///
    /// # Errors
    /// `InvalidInput` in the words for a file that is known already.
    pub fn new(message: String, files: Vec<NewFile>) -> Result<Self> {
        let mut sorted: Vec<&NewFile> = files.iter().collect();
        sorted.sort_by(|a, b| a.digest.cmp(&b.digest));
        for (first, second) in sorted.iter().zip(sorted.iter().skip(1)) {
            if first.digest != second.digest {
                continue;
            }
            if first.visibility != second.visibility {
                return Err(Error::invalid(VISIBILITY_IS_SETTLED));
            }
            if first.size != second.size {
                return Err(size_mismatch(&second.filename));
            }
        }
        Ok(Self { message, files })
    }

    /// Returns what the batch is about.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the files by name.
    pub fn files(&self) -> &[NewFile] {
        &self.files
    }

    /// Returns one entry per digest, sorted by digest: the order in which rows are locked.
    pub fn distinct(&self) -> Vec<&NewFile> {
        let mut files: Vec<&NewFile> = self.files.iter().collect();
        files.sort_by(|a, b| a.digest.cmp(&b.digest));
        files.dedup_by(|a, b| a.digest == b.digest);
        files
    }
}

impl NewFile {
    /// Checks the announcement against what is known of the file. `is_open`: nobody holds a PUT URL
    /// for it.
    ///
    /// # Errors
    /// `InvalidInput` in the words of the contract.
    pub fn check_against(&self, known: &File, is_open: bool) -> Result<()> {
        let is_settled = known.has_instances() || !is_open;
        if is_settled && known.visibility != self.visibility {
            return Err(Error::invalid(VISIBILITY_IS_SETTLED));
        }
        if known.has_instances() && known.size != self.size {
            return Err(size_mismatch(&self.filename));
        }
        Ok(())
    }
}

fn size_mismatch(filename: &Filename) -> Error {
    Error::invalid(format!("Size mismatch for {}", filename.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: i64, visibility: Visibility) -> NewFile {
        NewFile {
            filename: Filename::parse(name).unwrap(),
            digest: Sha512::parse(&"a".repeat(128)).unwrap(),
            size,
            visibility,
        }
    }

    fn known(instances: &[&str]) -> File {
        File {
            id: 1,
            digest: Sha512::parse(&"a".repeat(128)).unwrap(),
            size: 5,
            visibility: Visibility::Public,
            instances: instances.iter().map(|&r| r.to_owned()).collect(),
        }
    }

    #[test]
    fn one_file_may_have_two_names_but_not_two_sizes_or_visibilities() {
        let (public, internal) = (Visibility::Public, Visibility::Internal);
        let new = |files| NewBatch::new("m".to_owned(), files).map_err(|e| e.message().to_owned());
        let same = new(vec![file("a", 5, public), file("b", 5, public)]).unwrap();
        assert_eq!((same.files().len(), same.distinct().len()), (2, 1));
        assert_eq!(
            new(vec![file("a", 5, public), file("b", 6, public)]).unwrap_err(),
            "Size mismatch for b"
        );
        assert_eq!(
            new(vec![file("a", 5, public), file("b", 5, internal)]).unwrap_err(),
            "Cannot change already existing file's visibility level."
        );
    }

    #[test]
    fn a_verified_copy_settles_size_and_visibility_and_a_live_url_the_visibility() {
        let verdict = |new: &NewFile, known: &File, is_open: bool| {
            new.check_against(known, is_open)
                .map_err(|e| e.message().to_owned())
        };
        let settled = Err(VISIBILITY_IS_SETTLED.to_owned());
        let internal = file("a", 5, Visibility::Internal);
        let longer = file("a", 6, Visibility::Public);
        assert_eq!(verdict(&internal, &known(&[]), true), Ok(()));
        assert_eq!(verdict(&internal, &known(&[]), false), settled);
        assert_eq!(verdict(&internal, &known(&["local"]), true), settled);
        assert_eq!(verdict(&longer, &known(&[]), false), Ok(()));
        let mismatch = Err("Size mismatch for a".to_owned());
        assert_eq!(verdict(&longer, &known(&["local"]), true), mismatch);
    }
}
