// SPDX-License-Identifier: MPL-2.0
//! Whether a package may be published. Nothing is written here.

use std::{collections::BTreeMap, io};

use releng_tooltool_client::{manifest::Manifest, record::Record};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    algorithm::Algorithm,
    config::{Limits, Target, Visibility},
    folder::{Folder, Kind, Seen},
    package::{Package, Snapshot},
    transfer::{self, Broken},
};

/// File systems allow no longer names.
const NAME_BYTES: usize = 255;
/// The length of a timestamp, for names that are yet to get one.
const STAMP_BYTES: usize = 19;

/// A package that may be published.
#[derive(Debug)]
pub struct Checked {
    /// The manifest as it was read.
    pub manifest: Vec<u8>,
    /// The note as it was read.
    pub note: Option<Vec<u8>>,
    /// The records of the manifest.
    pub records: Vec<Record>,
    /// Each file once.
    pub files: Vec<Item>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its digest, which is its name too.
    pub digest: String,
    /// The algorithm of the digest.
    pub algorithm: Algorithm,
}

/// What is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What it is about.
    pub cause: Cause,
    /// A sentence for each thing.
    pub lines: Vec<String>,
}

/// What a complaint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The manifest.
    Manifest,
    /// Files of the package, or the note.
    Files,
    /// The service that should take the package refuses it.
    Refused,
}

/// Why there is no verdict, or a bad one.
#[derive(Debug)]
pub enum Refusal {
    /// The package is not to be published.
    Complaint(Complaint),
    /// The program is to stop.
    Stopped,
}

impl Refusal {
    /// Returns a refusal with one sentence.
    pub fn because(cause: Cause, line: impl Into<String>) -> Self {
        Self::Complaint(Complaint {
            cause,
            lines: vec![line.into()],
        })
    }
}

/// Checks a package.
///
/// # Errors
/// It is not to be published, or the program is to stop.
pub fn check(
    place: &Folder,
    package: &Package,
    snapshot: &Snapshot,
    target: &Target,
    limits: &Limits,
    stop: &CancellationToken,
) -> Result<Checked, Refusal> {
    let bad = |line: String| Refusal::because(Cause::Manifest, line);
    name(package).map_err(bad)?;
    let manifest = place
        .read(package.manifest(), limits.manifest_bytes)
        .map_err(|error| bad(unusable("the manifest", &error)))?;
    let records = records(&manifest, target).map_err(|lines| {
        Refusal::Complaint(Complaint {
            cause: Cause::Manifest,
            lines,
        })
    })?;
    let note = match &snapshot.note {
        None => None,
        Some(_) => Some(place.read(package.note(), limits.note_bytes).map_err(|e| {
            Refusal::because(Cause::Files, unusable(&package.note().to_string(), &e))
        })?),
    };
    let files = files(place, package, snapshot, &records, stop)?;
    Ok(Checked {
        manifest,
        note,
        records,
        files,
    })
}

/// The name becomes part of other names, of a line in `MANIFESTS` files, and of a subject.
fn name(package: &Package) -> Result<(), String> {
    if package.base.text().is_none() {
        return Err("its name must be UTF-8 text without control characters".to_owned());
    }
    let prefix = package.prefix("").len() + STAMP_BYTES;
    let longest = package
        .note()
        .bytes()
        .len()
        .max(package.manifest().bytes().len());
    if prefix + longest > NAME_BYTES {
        return Err(format!(
            "its name is too long: with user, type and time it may have {NAME_BYTES} bytes"
        ));
    }
    Ok(())
}

fn records(manifest: &[u8], target: &Target) -> Result<Vec<Record>, Vec<String>> {
    let manifest = Manifest::parse(manifest).map_err(|error| vec![error.to_string()])?;
    // The client skips such a record with a warning. Here the files are gone afterwards, so
    // nothing may be left out silently.
    let mut problems: Vec<_> = manifest.warnings().map(str::to_owned).collect();
    let records: Vec<_> = manifest.records().cloned().collect();
    for record in &records {
        problems.extend(digest_rule(record));
        if let Target::Store(store) = target {
            problems.extend(store_rule(record, store.visibility));
        }
    }
    if let Target::Store(_) = target {
        problems.extend(twice(&records));
    }
    if problems.is_empty() {
        Ok(records)
    } else {
        Err(problems)
    }
}

fn digest_rule(record: &Record) -> Option<String> {
    let name = &record.filename;
    let Some(algorithm) = Algorithm::named(&record.algorithm) else {
        return Some(format!(
            "{name}: algorithm '{}' is not known",
            record.algorithm
        ));
    };
    (!algorithm.is_digest(&record.digest)).then(|| {
        format!(
            "{name}: digest '{}' is not {} characters of 0-9 and a-f, as {} has",
            record.digest,
            algorithm.digits(),
            algorithm.name()
        )
    })
}

fn store_rule(record: &Record, visibility: Visibility) -> Option<String> {
    let name = &record.filename;
    if record.algorithm != Algorithm::Sha512.name() {
        return Some(format!("{name}: algorithm must be sha512"));
    }
    if name.len() > NAME_BYTES {
        return Some(format!(
            "{name}: filename is longer than {NAME_BYTES} bytes"
        ));
    }
    let own = record.visibility.as_deref()?;
    (own != visibility.name()).then(|| {
        format!(
            "{name}: visibility is '{own}', but what is dropped here becomes {}",
            visibility.name()
        )
    })
}

/// A batch of the service has each file name once.
fn twice(records: &[Record]) -> Option<String> {
    let mut seen = BTreeMap::new();
    records.iter().find_map(|record| {
        let before = seen.insert(&record.filename, &record.digest);
        let differs = before.is_some_and(|digest| *digest != record.digest);
        differs.then(|| format!("{}: two different files have this name", record.filename))
    })
}

fn files(
    place: &Folder,
    package: &Package,
    snapshot: &Snapshot,
    records: &[Record],
    stop: &CancellationToken,
) -> Result<Vec<Item>, Refusal> {
    let bad = |line: String| Refusal::because(Cause::Files, line);
    let name = package.folder();
    match &snapshot.folder {
        None => return Err(bad(format!("{name} is missing"))),
        Some(seen) if seen.kind != Kind::Folder => {
            return Err(bad(format!(
                "{name} is {}, not a directory",
                seen.kind.name()
            )));
        }
        Some(_) if snapshot.too_many => return Err(bad(format!("{name} holds too many files"))),
        Some(_) => {}
    }
    let folder = place
        .child(&name, false)
        .map_err(|error| bad(unusable(&name.to_string(), &error)))?;
    let mut problems: Vec<_> = snapshot.entries.iter().filter_map(foreign).collect();
    let mut items: BTreeMap<&str, Item> = BTreeMap::new();
    for record in records {
        match file(
            &folder,
            snapshot,
            record,
            items.get(record.digest.as_str()),
            stop,
        ) {
            Ok(item) => drop(items.insert(&record.digest, item)),
            Err(Some(rule)) => {
                problems.push(format!("{} ({}) {rule}", record.digest, record.filename))
            }
            Err(None) => return Err(Refusal::Stopped),
        }
    }
    if problems.is_empty() {
        Ok(items.into_values().collect())
    } else {
        Err(Refusal::Complaint(Complaint {
            cause: Cause::Files,
            lines: problems,
        }))
    }
}

/// A package holds plain files. A link could point at anything that this program may read.
fn foreign((name, seen): &(crate::name::Name, Seen)) -> Option<String> {
    (seen.kind != Kind::File).then(|| format!("{name} is {}, not a plain file", seen.kind.name()))
}

/// Checks one file, unless it was checked for another record. `None` is: the program is to stop.
fn file(
    folder: &Folder,
    snapshot: &Snapshot,
    record: &Record,
    known: Option<&Item>,
    stop: &CancellationToken,
) -> Result<Item, Option<String>> {
    let algorithm = Algorithm::named(&record.algorithm).ok_or(Some(String::new()))?;
    let seen = snapshot
        .entry(&record.digest)
        .ok_or_else(|| Some("is missing".to_owned()))?;
    if let Some(size) = record.size
        && size != seen.size_bytes
    {
        return Err(Some(format!(
            "has {} bytes, the manifest says {size}",
            seen.size_bytes
        )));
    }
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let (mut file, _) = folder
        .file(&record.digest)
        .map_err(|error| Some(cannot(&error)))?;
    match transfer::digest(&mut file, algorithm, stop) {
        Ok(digest) if digest == record.digest => Ok(Item { digest, algorithm }),
        Ok(digest) => Err(Some(format!("is corrupted: its digest is {digest}"))),
        Err(Broken::Stopped) => Err(None),
        Err(broken) => Err(Some(broken.to_string())),
    }
}

fn unusable(what: &str, error: &io::Error) -> String {
    format!("{what} {}", cannot(error))
}

/// Errors of our own are sentences already; those of the system are reasons.
fn cannot(error: &io::Error) -> String {
    if error.raw_os_error().is_some() {
        format!("cannot be read: {error}")
    } else {
        error.to_string()
    }
}
