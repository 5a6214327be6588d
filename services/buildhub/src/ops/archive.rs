// SPDX-License-Identifier: MPL-2.0
//! Taking files in. A file that breaks a rule is reported, remembered and stops nothing.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::path::PathBuf;

use releng_common::{Kind, Result};

use super::file::{Candidate, ReadFile, key_below, read, stamp};
use crate::metric::MetricName;
use crate::repo::FileRow;
use crate::{Intake, repo};

/// What became of some files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Rows that were added, beta copies included.
    pub inserted: usize,
    /// Files whose content was known.
    pub known: usize,
    /// Files that are no valid record.
    pub invalid: usize,
    /// Files that could not be read.
    pub unreadable: usize,
}

impl AddAssign for ArchiveSummary {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.known += other.known;
        self.invalid += other.invalid;
        self.unreadable += other.unreadable;
    }
}

/// Takes in those of the files below the archive folder that are new or changed, and returns those that
/// are there and could not be read.
///
/// # Errors
/// The database does not answer; then the files may be offered again.
pub async fn archive_ingest(
    intake: &Intake,
    paths: Vec<PathBuf>,
) -> Result<(ArchiveSummary, Vec<PathBuf>)> {
    let folder = intake.settings.own.archive_dir.clone();
    let candidates: Vec<Candidate> = paths
        .into_iter()
        .map(|path| Candidate {
            key: key_below(&folder, &path),
            path,
        })
        .collect();
    let stamped = intake
        .reading
        .run(move || {
            let stamps = candidates.into_iter().filter_map(|c| Some((stamp(&c)?, c)));
            Ok(stamps.collect::<Vec<_>>())
        })
        .await?;
    let keys: Vec<String> = stamped.iter().map(|(row, _)| row.path.clone()).collect();
    let known = intake
        .db
        .read(move |conn| Ok(repo::archive_file_known(conn, &keys)?))
        .await?;
    let known: HashMap<String, FileRow> = known
        .into_iter()
        .map(|row| (row.path.clone(), row))
        .collect();
    let is_new = |row: &FileRow| known.get(&row.path).is_none_or(|old| !is_same(old, row));
    let fresh = stamped
        .into_iter()
        .filter(|(row, _)| is_new(row))
        .map(|(_, c)| c)
        .collect();
    ingest(intake, fresh, true).await
}

fn is_same(old: &FileRow, new: &FileRow) -> bool {
    (old.size_bytes, old.modified_ns, old.inode) == (new.size_bytes, new.modified_ns, new.inode)
}

/// Takes in single files, whether they were seen before or not.
///
/// # Errors
/// The database does not answer.
pub async fn path_ingest(intake: &Intake, paths: Vec<PathBuf>) -> Result<ArchiveSummary> {
    let folder = intake.settings.own.archive_dir.clone();
    let candidates = paths
        .into_iter()
        .map(|path| Candidate {
            key: key_below(&folder, &path),
            path,
        })
        .collect();
    let (summary, _) = ingest(intake, candidates, false).await?;
    Ok(summary)
}

async fn ingest(
    intake: &Intake,
    candidates: Vec<Candidate>,
    is_remembered: bool,
) -> Result<(ArchiveSummary, Vec<PathBuf>)> {
    if candidates.is_empty() {
        return Ok(Default::default());
    }
    let reader = intake.clone();
    let (files, unreadable) = intake
        .reading
        .run(move || Ok(read_all(&reader, &candidates)))
        .await?;
    let mut summary = match store(intake, files.clone(), is_remembered).await {
        // One row that the database refuses must not keep the others out.
        Err(error) if error.kind() == Kind::Internal && files.len() > 1 => {
            store_singly(intake, files, is_remembered).await?
        }
        result => result?,
    };
    summary.unreadable += unreadable.len();
    if summary.inserted > 0 {
        intake.has_new_rows.notify_one();
    }
    Ok((summary, unreadable))
}

fn read_all(intake: &Intake, candidates: &[Candidate]) -> (Vec<ReadFile>, Vec<PathBuf>) {
    let mut files = Vec::new();
    let mut unreadable = Vec::new();
    for candidate in candidates {
        match read(intake, candidate) {
            Ok(file) => files.extend(file),
            Err(error) => {
                tracing::warn!(key = candidate.key, %error, "a file cannot be read");
                unreadable.push(candidate.path.clone());
            }
        }
    }
    (files, unreadable)
}

async fn store_singly(
    intake: &Intake,
    files: Vec<ReadFile>,
    is_remembered: bool,
) -> Result<ArchiveSummary> {
    let mut summary = ArchiveSummary::default();
    for file in files {
        let key = file.row.path.clone();
        match store(intake, vec![file], is_remembered).await {
            Ok(one) => summary += one,
            Err(error) if error.kind() == Kind::Internal => {
                tracing::warn!(key, error = error.chain(), "the database refuses a record");
                summary.unreadable += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(summary)
}

/// Stores the records and the memory of their files in one transaction.
async fn store(
    intake: &Intake,
    files: Vec<ReadFile>,
    is_remembered: bool,
) -> Result<ArchiveSummary> {
    let metadata = intake.metadata.clone();
    let created_at = intake.clock.now();
    let (summary, problems) = intake
        .db
        .write(move |conn| {
            let mut summary = ArchiveSummary::default();
            let mut problems = Vec::new();
            for file in &files {
                let mut inserted = 0;
                for build in &file.builds {
                    let new = repo::NewBuild {
                        hash: &build.hash,
                        json: &build.json,
                        metadata: &metadata,
                        created_at,
                        key: &file.row.path,
                        etag: &file.etag,
                    };
                    inserted += usize::from(repo::build_insert_in_txn(conn, new)?.is_some());
                }
                summary.inserted += inserted;
                match &file.row.problem {
                    Some(problem) => {
                        summary.invalid += 1;
                        problems.push((file.row.path.clone(), problem.clone()));
                    }
                    None => summary.known += usize::from(inserted == 0),
                }
                if is_remembered {
                    repo::archive_file_put_in_txn(conn, &file.row)?;
                }
            }
            Ok((summary, problems))
        })
        .await?;
    for (key, problem) in problems {
        tracing::warn!(key, problem, "a file is no valid record: {key}: {problem}");
    }
    MetricName::ArchiveInserted.add(summary.inserted);
    MetricName::ArchiveNotInserted.add(summary.known);
    MetricName::ArchiveInvalid.add(summary.invalid);
    Ok(summary)
}
