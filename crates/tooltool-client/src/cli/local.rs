// SPDX-License-Identifier: MPL-2.0
//! Commands that need no network: list, validate, add, purge.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    environment::{Environment, expand_home},
    options::Options,
};
use crate::{
    add::{self, Notes},
    log::Log,
    manifest::Manifest,
    purge,
    record::{FileState, states_in},
};

/// Reads the manifest and warns of what it skips.
pub(super) fn manifest(options: &Options, log: &Log) -> Result<Manifest, String> {
    let path = &options.manifest;
    let manifest = Manifest::load(path).map_err(|error| unreadable(path, &error))?;
    manifest.warn(log);
    Ok(manifest)
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> String {
    format!(
        "failed to load manifest file at '{}': {error}",
        path.display()
    )
}

/// `P` present, `V` valid, and the name, separated by tabs.
pub(super) fn list(options: &Options, log: &Log) -> Result<bool, String> {
    let manifest = manifest(options, log)?;
    let records: Vec<_> = manifest.records().collect();
    let mut text = String::new();
    for (record, state) in records.iter().zip(states_in(&working_folder(), &records)) {
        let (present, valid) = match state {
            FileState::Absent => ('-', '-'),
            FileState::Invalid(_) => ('P', '-'),
            FileState::Valid => ('P', 'V'),
        };
        text.push_str(&format!("{present}\t{valid}\t{}\n", record.filename));
    }
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written
        .map(|()| true)
        .map_err(|error| format!("cannot write the list: {error}"))
}

pub(super) fn validate(options: &Options, log: &Log) -> Result<bool, String> {
    let manifest = manifest(options, log)?;
    let records: Vec<_> = manifest.records().collect();
    let mut all_valid = true;
    for (record, state) in records.iter().zip(states_in(&working_folder(), &records)) {
        let reason = match state {
            FileState::Valid => continue,
            FileState::Absent => "absent".to_owned(),
            FileState::Invalid(reason) => reason,
        };
        log.debug(format_args!("'{}': {reason}", record.filename));
        all_valid = false;
    }
    Ok(all_valid)
}

pub(super) fn add(options: &Options, log: &Log) -> Result<bool, String> {
    let files: Vec<_> = options.files().map(PathBuf::from).collect();
    if files.is_empty() {
        return Err("add command requires at least one file".to_owned());
    }
    let notes = Notes {
        visibility: options.visibility.clone(),
        version: options.version.clone(),
        unpack: options.unpack,
    };
    let path = &options.manifest;
    add::add(path, &files, &notes, log).map_err(|error| unreadable(path, &error))
}

pub(super) fn purge(
    options: &Options,
    environment: &Environment,
    log: &Log,
) -> Result<bool, String> {
    let folder = cache_folder(options, environment);
    let folder = folder.ok_or("please specify the cache folder to be purged")?;
    purge::purge(
        &folder,
        options.size,
        |folder| fs4::available_space(folder),
        log,
    )
    .map_err(|error| format!("cannot purge {}: {error}", folder.display()))
}

/// The option, else `$TOOLTOOL_CACHE` (D-16).
pub(super) fn cache_folder(options: &Options, environment: &Environment) -> Option<PathBuf> {
    let folder = options.cache_folder.as_ref().or(environment.cache.as_ref());
    folder.map(|folder| expand_home(folder))
}

/// The files of a manifest are in the current folder, wherever the manifest is.
pub(super) fn working_folder() -> PathBuf {
    // Absolute, so that messages and programs run from elsewhere agree on it.
    fs::canonicalize(".").unwrap_or_else(|_| PathBuf::from("."))
}
