// SPDX-License-Identifier: MPL-2.0
//! Sending a package with the system's rsync, which goes over ssh by itself.

use std::{ffi::OsString, io, path::Path, process::ExitStatus, time::Duration};

use tokio::process::Command;

use super::{Destination, Package};
use crate::log::Log;

const RSYNC: &str = "rsync";

/// Why a package did not arrive as a whole. Without its manifest the other side does not touch it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no rsync.
    #[error("cannot run rsync: {0}")]
    Start(#[from] io::Error),
    /// It ran and failed.
    #[error("rsync of {what} failed: {status}")]
    Failed {
        /// What was being sent.
        what: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Sends a package: its files, then the note, then the manifest, whose arrival starts the
/// processing. `idle` is how long rsync waits for the other side.
///
/// # Errors
/// rsync is not there or fails. What follows is not sent then.
pub async fn send(
    package: &Package,
    destination: &Destination,
    idle: Duration,
    log: &Log,
) -> Result<(), SendError> {
    let destination = destination.to_string();
    let files = [
        "--recursive",
        "--exclude=*.tt",
        "--exclude=*.txt",
        "--exclude=.tooltool-*",
    ];
    log.info(format_args!(
        "sending {} to {destination}",
        package.folder().display()
    ));
    rsync(&files, package.folder(), &destination, idle).await?;
    // A note is not required on the other side.
    if package.note().exists() {
        rsync(&[], &package.note(), &destination, idle).await?;
    }
    rsync(&[], &package.manifest(), &destination, idle).await?;
    log.info("the package is there and will be processed");
    Ok(())
}

async fn rsync(
    options: &[&str],
    source: &Path,
    destination: &str,
    idle: Duration,
) -> Result<(), SendError> {
    // The folder without a slash at its end, so that it arrives under its name.
    let mut words: Vec<OsString> = options.iter().map(OsString::from).collect();
    words.push("--times".into());
    words.push(format!("--timeout={}", idle.as_secs().max(1)).into());
    words.push("--".into());
    words.extend([source.as_os_str().to_owned(), destination.into()]);
    let status = Command::new(RSYNC)
        .args(words)
        .kill_on_drop(true)
        .status()
        .await?;
    if status.success() {
        return Ok(());
    }
    Err(SendError::Failed {
        what: source.display().to_string(),
        status,
    })
}
